"""The stored plan: round trips, one form, nothing unexpected accepted."""

from __future__ import annotations

import copy
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.files.core.changes import (
    Change,
    ChangeKind,
    Found,
    Wanted,
)
from replication.files.core.manifest import Problem
from replication.files.core.paths import RelPath
from replication.jobs.core.plan import (
    Brake,
    KeptKey,
    NodePlan,
    Plan,
)
from replication.jobs.core.plan_json import digest, dump, load
from tests.replication.samples import paths, sha, times

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
nodes = st.builds(
    NodePlan,
    node_id=st.integers(1, 99),
    node_name=texts,
    changes=st.lists(changes, max_size=5).map(tuple),
    kept=st.lists(st.builds(KeptKey, path=paths, section=texts, key=texts, answered=st.booleans()), max_size=3).map(
        tuple
    ),
    extras=st.lists(paths, max_size=3).map(tuple),
    problems=problems,
    away=texts,
    away_code=texts,
)
plans = st.builds(
    Plan,
    snapshot_root=hashes,
    nodes=st.lists(nodes, max_size=3).map(tuple),
    brakes=st.lists(st.builds(Brake, code=texts, node_name=texts, evidence=texts, remedy=texts), max_size=2).map(tuple),
    problems=problems,
    unclassified=st.lists(texts, max_size=3).map(tuple),
)


@given(plans)
def test_a_plan_comes_back_equal_and_in_one_form(plan):
    data = dump(plan)
    assert load(data) == plan
    assert dump(load(data)) == data
    assert digest(plan) == hashlib.sha256(data).hexdigest()


def test_names_that_are_no_unicode_survive_in_problems():
    plan = Plan(sha("r"), (), problems=(Problem("a\udcff", "bad_name"),), unclassified=("b\udcff",))
    assert load(dump(plan)) == plan


CHANGE = Change(ChangeKind.UPDATE, RelPath("a.ini"), Wanted(sha("n"), 1, 2), Found(sha("o"), 1, 2, 3), 10, "A.SEM")
KEPT = KeptKey(RelPath("a.ini"), "Domain", "HostName", True)
NODE = NodePlan(1, "MX2", (CHANGE,), (KEPT,), (RelPath("x"),), (Problem("p", "unreadable"),))
PLAN = Plan(sha("r"), (NODE,), (Brake("no_space", "MX2", "e", "r"),), (Problem("p", "changing"),), ("u",))


def test_equal_steps_of_many_nodes_are_stored_once():
    many = tuple(
        Change(ChangeKind.ADD, RelPath(f"App/lists/{n}.grp"), Wanted(sha(str(n)), n, n), None) for n in range(5000)
    )
    one = dump(Plan(sha("r"), (NodePlan(1, "MX1", many),)))
    twenty = Plan(sha("r"), tuple(NodePlan(n, f"MX{n}", many) for n in range(1, 21)))
    assert len(dump(twenty)) < 2 * len(one)
    assert load(dump(twenty)) == twenty


@pytest.mark.parametrize(
    "other",
    [
        Plan(sha("s"), PLAN.nodes, PLAN.brakes, PLAN.problems, PLAN.unclassified),
        Plan(PLAN.snapshot_root, PLAN.nodes, (), PLAN.problems, PLAN.unclassified),
        Plan(PLAN.snapshot_root, (NodePlan(1, "MX2", (CHANGE, CHANGE), (KEPT,)),)),
    ],
)
def test_another_plan_has_another_digest(other):
    assert digest(other) != digest(PLAN)


HOSTILE: list[tuple[str, object]] = [
    ("format", 2),
    ("format", None),
    ("snapshot_root", 1),
    ("nodes", {}),
    ("nodes.0", []),
    ("nodes.0.id", True),
    ("nodes.0.id", "1"),
    ("nodes.0.name", None),
    ("nodes.0.steps", "0"),
    ("nodes.0.steps.0", 1),
    ("nodes.0.steps.0", -1),
    ("nodes.0.steps.0", False),
    ("nodes.0.away", 0),
    ("nodes.0.extras.0", "../etc/passwd"),
    ("nodes.0.kept.0", ["a", "b", "c"]),
    ("nodes.0.kept.0.3", 1),
    ("nodes.0.problems.0.1", 5),
    ("steps.0.0", "rename"),
    ("steps.0.0", []),
    ("steps.0.0", "add"),
    ("steps.0.0", "delete"),
    ("steps.0.1", "/etc/passwd"),
    ("steps.0.1", "a/../b"),
    ("steps.0.1", None),
    ("steps.0.2", None),
    ("steps.0.2.0", "abc"),
    ("steps.0.2.1", -1),
    ("steps.0.2.2", 1.5),
    ("steps.0.2.3", "yes"),
    ("steps.0.3", None),
    ("steps.0.3.0", sha("o").upper()),
    ("steps.0.3.3", "3"),
    ("steps.0.4", None),
    ("steps.0.5", 5),
    ("steps.0.6", None),
    ("steps.0.7", 0),
    ("brakes.0", ["code"]),
    ("brakes.0.0", 7),
    ("problems", None),
    ("unclassified.0", 9),
]


@pytest.mark.parametrize(("place", "value"), HOSTILE, ids=str)
def test_one_hostile_value_is_refused(place, value):
    document = copy.deepcopy(json.loads(dump(PLAN)))
    *way, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    holder = document
    for part in way:
        holder = holder[part]
    holder[last] = value
    with pytest.raises(ValueError, match="The stored plan is malformed at"):
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
