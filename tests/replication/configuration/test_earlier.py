"""What replication gave before is no edit: told from real ones by the cluster's earlier snapshots."""

from __future__ import annotations

import pytest

from replication.configuration.job.earlier import Tree, earlier_trees, without_given
from replication.configuration.job.planning import store_tree
from replication.configuration.models import Baseline, Snapshot
from replication.files.core.changes import Change, ChangeKind, Found
from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath
from replication.jobs.interruptions import Cancelled
from replication.objects import Store
from tests.factories import make_node
from tests.replication.files.rounds import Interrupting
from tests.replication.samples import sha, state, wanted

GUARD = Interrupting("", Cancelled("nobody"))


@pytest.fixture
def store(db: None) -> Store:
    return Store()


def tree(store: Store, *, since: bool = False, **files: str) -> Tree:
    content = {RelPath(f"App/{name}"): state(text) for name, text in files.items()}
    return Tree(store_tree(Manifest(files=content), store), since)


def conflict(name: str, found: str | None) -> Change:
    there = None if found is None else Found(sha(found), len(found), 0)
    kind = ChangeKind.ADD if there is None else ChangeKind.UPDATE
    return Change(kind, RelPath(f"App/{name}"), wanted("new"), there, conflict=True)


def edits(store: Store, trees: list[Tree], *changes: Change) -> list[str]:
    found = without_given(changes, trees, store, lambda path, then, now: then == now, GUARD)
    assert [change.path for change in found] == [change.path for change in changes]
    return [change.path.name for change in found if change.conflict]


def test_content_of_any_earlier_snapshot_is_no_edit(store: Store) -> None:
    trees = [tree(store, a="3", b="3"), tree(store, a="2", b="2"), tree(store, a="1", b="1")]
    assert edits(store, trees, conflict("a", "2"), conflict("b", "1"), conflict("c", "1")) == ["c"]
    assert edits(store, trees, conflict("a", "edited")) == ["a"]


def test_a_file_is_missing_as_in_an_earlier_snapshot_only_where_that_explains_more(store: Store) -> None:
    old = tree(store, a="1")
    assert edits(store, [old], conflict("a", "1"), conflict("b", None)) == []
    assert edits(store, [old], conflict("a", "edited"), conflict("b", None)) == ["a", "b"]


def test_a_file_is_missing_as_in_a_snapshot_that_may_have_been_given_since(store: Store) -> None:
    assert edits(store, [tree(store, since=True, a="1")], conflict("b", None)) == []
    assert edits(store, [tree(store, since=True, a="1", b="1")], conflict("b", None)) == ["b"]


def test_a_snapshot_that_is_no_longer_whole_tells_nothing_and_the_others_do(store: Store) -> None:
    gone = Tree("0" * 64, since=True)
    assert edits(store, [gone, tree(store, a="1")], conflict("a", "1"), conflict("b", "1")) == ["b"]


@pytest.mark.django_db
def test_the_trees_are_the_clusters_newest_first(cluster) -> None:
    node = make_node(cluster, "mx1")
    rows = [Snapshot.objects.create(cluster=cluster, root=root * 64, files=1, bytes=1) for root in "abca"]
    assert [one.since for one in earlier_trees(node)] == [False] * 3
    Baseline.objects.create(node=node, snapshot=rows[1], root="f" * 64, proven_at=rows[1].taken_at)
    assert [(one.root[0], one.since) for one in earlier_trees(node)] == [
        ("a", True),
        ("c", True),
        ("b", False),
        ("a", False),
    ]
