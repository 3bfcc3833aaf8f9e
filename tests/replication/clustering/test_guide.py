"""The guide's steps by what is known: each mode, from nothing to done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from replication.clustering.core.guide import (
    LOG_CODES,
    STEPS,
    Known,
    KnownNode,
)
from replication.clustering.core.paths import KnownPaths

PRIMARY = KnownNode("mx0", "192.0.2.1", primary=True, portal_codes=frozenset({"0x41510270"}))
SECONDARY = KnownNode(
    "mx1",
    "192.0.2.2",
    primary=False,
    version="26.0.3",
    joined=True,
    proven_files=40,
    portal_codes=frozenset({"0x41511220", "0x4151020C", "0x41510618"}),
)
PASSING = {"same_version": "pass", "registration_key": "pass", "cluster_service": "pass"}
PORTAL = Known(
    native=False,
    nodes=(PRIMARY, SECONDARY),
    checks=PASSING,
    folders_outside=("Mail folders",),
    paused=False,
    enabled=True,
)
NATIVE = Known(
    native=True,
    nodes=(
        replace(PRIMARY, own_codes=frozenset({"0x41511220", "0x41510270"})),
        replace(SECONDARY, own_codes=frozenset({"0x4151020C", "0x41510618"})),
    ),
    checks=PASSING,
)


def done(known: Known) -> set[int]:
    return {step.number for step in STEPS if step.find and step.find(known).done}


def test_the_steps_are_the_guides() -> None:
    assert [step.number for step in STEPS] == list(range(1, 16))


def test_nothing_is_done_on_an_empty_cluster() -> None:
    assert done(Known(native=False)) == done(Known(native=True)) == set()


def test_a_proven_portal_cluster_leaves_what_only_people_know() -> None:
    assert done(PORTAL) == {1, 8, 9, 10, 11, 12, 13, 14}


def test_a_native_cluster_is_proven_by_the_nodes_own_logs() -> None:
    assert done(NATIVE) == {8, 9, 10, 11, 13}


@pytest.mark.parametrize("code", LOG_CODES)
def test_each_code_must_be_on_the_right_node(code) -> None:
    for known in (PORTAL, NATIVE):
        lacking = replace(
            known,
            nodes=tuple(
                replace(node, portal_codes=node.portal_codes - {code}, own_codes=node.own_codes - {code})
                for node in known.nodes
            ),
        )
        step = STEPS[12]
        assert step.find
        found = step.find(lacking)
        assert not found.done
        assert code in found.evidence


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({"folders_inside": ("Mail folders",)}, 1),
        ({"checks": {**PASSING, "registration_key": "unknown"}}, 8),
        ({"checks": {**PASSING, "cluster_service": "fail"}}, 9),
        ({"paused": True}, 9),
        ({"nodes": (PRIMARY, replace(SECONDARY, joined=False))}, 12),
        ({"nodes": (PRIMARY, replace(SECONDARY, proven_files=None))}, 13),
    ],
)
def test_what_is_missing_is_to_do(change, lost) -> None:
    assert done(PORTAL) - done(replace(PORTAL, **change)) == {lost}


SET = KnownPaths(
    mode="One common network share",
    places={"Mail folders": r"\\files\mail\Users", "Lock files": r"\\files\mail\LockFiles"},
    by_hand=("Lock files",),
)


def paths_done(known: KnownPaths) -> set[int]:
    return done(Known(native=False, paths=known))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {4, 5}),
        ({"by_hand": ()}, {2, 3, 4, 5}),
        ({"applied": "pass"}, {1, 2, 3, 4, 5}),
        ({"applied": "pass", "written_by": 12}, {1, 2, 3, 4, 5, 7}),
        ({"applied": "fail", "written_by": 12}, {4, 5}),
        ({"missing": ("Gateways",), "applied": "pass"}, {2, 3, 4}),
        ({"places": {}}, {4}),
        ({"routing": True}, {4, 5}),
        ({"routing": True, "queues": r"\\files\mail\Queues"}, {4, 5, 6}),
    ],
)
def test_the_steps_of_the_shared_paths_follow_what_is_set_and_proven(change, expected) -> None:
    assert paths_done(replace(SET, **change)) == expected


def test_the_evidence_of_a_step_names_paths_and_what_is_left_to_a_person() -> None:
    known = Known(native=False, paths=SET)
    said = {step.number: step.find(known).evidence for step in STEPS[:7] if step.find}
    assert said[5] == r"Mail folders: \\files\mail\Users; Lock files: \\files\mail\LockFiles."
    assert said[2].endswith("confirmed: Lock files.")
    assert said[4] == "One common network share."
    assert "not wanted" in said[6]
