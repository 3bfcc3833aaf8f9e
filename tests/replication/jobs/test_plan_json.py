"""The stored plan: round trips, one form, nothing unexpected accepted."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.files.core.changes import (
    Change,
    ChangeKind,
    Found,
    KeptKey,
    NodeFiles,
    PrimaryFiles,
    Wanted,
)
from replication.files.core.manifest import Problem
from replication.files.core.paths import RelPath
from replication.jobs.core.plan import Brake, NodePlan, Plan
from replication.jobs.core.plan_json import OutdatedPlan, PlanCodec, digest
from tests.replication.samples import paths, sha, times

CODEC = PlanCodec("files", Change, NodeFiles, PrimaryFiles, makes_sense=Change.makes_sense)
dump, load = CODEC.dump, CODEC.load

hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
sizes = st.integers(0, 2**60)
texts = st.text(max_size=20)
wanteds = st.builds(Wanted, sha256=hashes, size=sizes, mtime_ns=times, shared=st.booleans())
founds = st.builds(Found, sha256=hashes, size=sizes, mtime_ns=times, change_ns=st.none() | times)


def _changes(kind, wanted, found):
    return st.builds(
        Change,
        kind=st.just(kind),
        path=paths,
        wanted=wanted,
        found=found,
        group=st.integers(0, 99),
        semaphore=st.none() | texts,
        effect=texts,
        conflict=st.booleans(),
    )


changes = st.one_of(
    _changes(ChangeKind.ADD, wanteds, st.none()),
    _changes(ChangeKind.UPDATE, wanteds, founds),
    _changes(ChangeKind.DELETE, st.none(), founds),
    _changes(ChangeKind.TOUCH, wanteds, founds),
)
problems = st.lists(st.builds(Problem, path=texts, code=texts, detail=texts), max_size=3).map(tuple)
kepts = st.builds(KeptKey, path=paths, section=texts, key=texts, answered=st.booleans())
extras = st.lists(paths, max_size=3).map(tuple)
nodes = st.builds(
    NodePlan,
    node_id=st.integers(1, 99),
    node_name=texts,
    steps=st.lists(changes, max_size=5).map(tuple),
    detail=st.none() | st.builds(NodeFiles, kept=st.lists(kepts, max_size=3).map(tuple), extras=extras),
    problems=problems,
    away=texts,
    away_code=texts,
)
plans = st.builds(
    Plan,
    nodes=st.lists(nodes, max_size=3).map(tuple),
    brakes=st.lists(st.builds(Brake, code=texts, node_name=texts, evidence=texts, remedy=texts), max_size=2).map(tuple),
    problems=problems,
    detail=st.none() | st.builds(PrimaryFiles, hashes, st.lists(texts, max_size=3).map(tuple)),
)


@given(plans)
def test_a_plan_comes_back_equal_and_in_one_form(plan):
    data = dump(plan)
    assert load(data) == plan
    assert dump(load(data)) == data
    assert digest(data) == hashlib.sha256(data).hexdigest()


def test_names_that_are_no_unicode_survive_in_problems():
    plan = Plan((), problems=(Problem("a\udcff", "bad_name"),), detail=PrimaryFiles(sha("r"), ("b\udcff",)))
    assert load(dump(plan)) == plan


CHANGE = Change(ChangeKind.UPDATE, RelPath("a.ini"), Wanted(sha("n"), 1, 2), Found(sha("o"), 1, 2, 3), 10, "A.SEM")
KEPT = KeptKey(RelPath("a.ini"), "Domain", "HostName", True)
NODE = NodePlan(1, "MX2", (CHANGE,), NodeFiles((KEPT,), (RelPath("x"),)), (Problem("p", "unreadable"),))
PRIMARY = PrimaryFiles(sha("r"), ("u",))
PLAN = Plan((NODE,), (Brake("no_space", "MX2", "e", "r"),), (Problem("p", "changing"),), PRIMARY)


def test_equal_steps_of_many_nodes_are_stored_once():
    many = tuple(
        Change(ChangeKind.ADD, RelPath(f"App/lists/{n}.grp"), Wanted(sha(str(n)), n, n), None) for n in range(5000)
    )
    one = dump(Plan((NodePlan(1, "MX1", many),)))
    twenty = Plan(tuple(NodePlan(n, f"MX{n}", many) for n in range(1, 21)))
    assert len(dump(twenty)) < 2 * len(one)
    assert load(dump(twenty)) == twenty


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, detail=PrimaryFiles(sha("s"), ("u",))),
        replace(PLAN, detail=None),
        replace(PLAN, brakes=()),
        replace(PLAN, nodes=(replace(NODE, steps=(CHANGE, CHANGE)),)),
        replace(PLAN, nodes=(replace(NODE, away="It does not answer."),)),
    ],
)
def test_another_plan_has_another_digest(other):
    assert digest(dump(other)) != digest(dump(PLAN))


def test_a_plan_of_one_kind_is_none_of_another():
    with pytest.raises(ValueError, match="malformed at kind"):
        PlanCodec("other", Change, NodeFiles, PrimaryFiles).load(dump(PLAN))


def test_a_kind_without_details_takes_none():
    bare = PlanCodec("bare", str)
    plan = Plan((NodePlan(1, "MX1", ("up", "down", "up")),))
    assert bare.load(bare.dump(plan)) == plan
    with pytest.raises(ValueError, match=r"malformed at nodes\[0\].detail"):
        bare.load(bare.dump(replace(plan, nodes=(replace(plan.nodes[0], detail="x"),))))


def test_a_plan_of_an_older_version_says_plan_again():
    older = {
        "format": 1,
        "snapshot_root": "",
        "steps": [],
        "nodes": [],
        "brakes": [],
        "problems": [],
        "unclassified": [],
    }
    with pytest.raises(OutdatedPlan, match="older version of the portal"):
        load(json.dumps(older).encode())


HOSTILE: list[tuple[str, object]] = [
    ("format", 3),
    ("format", True),
    ("format", None),
    ("kind", None),
    ("detail", []),
    ("detail.snapshot_root", 1),
    ("detail.unclassified.0", 9),
    ("detail.more", 9),
    ("nodes", {}),
    ("nodes.0", []),
    ("nodes.0.more", 1),
    ("nodes.0.id", True),
    ("nodes.0.id", 1.0),
    ("nodes.0.id", "1"),
    ("nodes.0.name", None),
    ("nodes.0.steps", "0"),
    ("nodes.0.steps.0", 1),
    ("nodes.0.steps.0", -1),
    ("nodes.0.steps.0", False),
    ("nodes.0.away", 0),
    ("nodes.0.detail", "x"),
    ("nodes.0.detail.more", 0),
    ("nodes.0.detail.extras.0", "../etc/passwd"),
    ("nodes.0.detail.kept.0", ["a", "b", "c"]),
    ("nodes.0.detail.kept.0.answered", 1),
    ("nodes.0.detail.kept.0.more", 1),
    ("nodes.0.problems.0.code", 5),
    ("nodes.0.problems.0.more", 5),
    ("steps.0", ["update"]),
    ("steps.0.kind", "rename"),
    ("steps.0.kind", []),
    ("steps.0.kind", "add"),
    ("steps.0.kind", "delete"),
    ("steps.0.path", "/etc/passwd"),
    ("steps.0.path", "a/../b"),
    ("steps.0.path", "a\udcff"),
    ("steps.0.path", None),
    ("steps.0.path", ["a"]),
    ("steps.0.wanted", None),
    ("steps.0.wanted.sha256", "abc"),
    ("steps.0.wanted.sha256", sha("n") + "\n"),
    ("steps.0.wanted.size", -1),
    ("steps.0.wanted.size", 1.0),
    ("steps.0.wanted.mtime_ns", 1.5),
    ("steps.0.wanted.shared", "yes"),
    ("steps.0.wanted.more", 1),
    ("steps.0.found", None),
    ("steps.0.found.sha256", sha("o").upper()),
    ("steps.0.found.change_ns", "3"),
    ("steps.0.group", None),
    ("steps.0.semaphore", 5),
    ("steps.0.effect", None),
    ("steps.0.conflict", 0),
    ("brakes.0", ["code"]),
    ("brakes.0.code", 7),
    ("brakes.0.more", 7),
    ("problems", None),
    ("problems.0.more", None),
]


@pytest.mark.parametrize(("place", "value"), HOSTILE, ids=str)
def test_one_hostile_value_is_refused(place, value):
    document = copy.deepcopy(json.loads(dump(PLAN)))
    *way, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    holder = document
    for part in way:
        holder = holder[part]
    holder[last] = value
    with pytest.raises(ValueError, match="The stored plan is malformed at") as refused:
        load(json.dumps(document).encode())
    named = re.search(r"malformed at ([a-z_]+)", str(refused.value))
    assert named and named[1] in (place.split(".")[0], "plan")


@pytest.mark.parametrize(
    "place", ["steps.0.group", "steps.0.wanted.shared", "problems.0.detail", "nodes.0.detail.kept"]
)
def test_what_has_a_default_is_written_nevertheless(place):
    document = json.loads(dump(PLAN))
    *way, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    holder = document
    for part in way:
        holder = holder[part]
    del holder[last]
    with pytest.raises(ValueError, match=f"malformed at {way[0]}"):
        load(json.dumps(document).encode())


@pytest.mark.parametrize("key", ["more", None])
def test_missing_and_unknown_keys_are_refused(key):
    document = json.loads(dump(PLAN))
    if key:
        document[key] = 1
    else:
        del document["brakes"]
    with pytest.raises(ValueError, match="malformed at plan"):
        load(json.dumps(document).encode())


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"{", b"[" * 100_000, b"9" * 5000], ids=["empty", "bytes", "torn", "deep", "digits"]
)
def test_no_json_is_refused(data):
    with pytest.raises(ValueError, match="The stored plan is no JSON"):
        load(data)


def test_a_list_is_refused():
    with pytest.raises(ValueError, match="malformed at plan"):
        load(b"[]")
