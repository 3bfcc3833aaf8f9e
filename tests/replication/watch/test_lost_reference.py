"""What the store lost of the tree that looks compare with counts as changed, until a job has put it there again."""

from __future__ import annotations

import pytest

from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath
from replication.files.core.tree import build
from replication.objects import default_store
from replication.watch import detector
from replication.watch.detector import _References
from tests.replication.samples import state

pytestmark = pytest.mark.django_db


def test_a_lost_folder_is_missed_only_as_long_as_it_is_lost() -> None:
    paths = ("App/a.dat", "Conf/b.dat")
    tree = build(Manifest({RelPath(path): state(path) for path in paths}))
    references = _References()
    [lost] = [id_ for id_, data in tree.objects.items() if b'"a.dat"' in data]
    for id_, data in tree.objects.items():
        if id_ != lost:
            default_store().put(data)
    assert set(references.at(tree.root)) == {"Conf/b.dat"}
    default_store().put(tree.objects[lost])
    assert set(references.at(tree.root)) == set(paths)


PATHS = [f"App/{number}.dat" for number in range(9)]


def stored(text: str, *changed: str) -> str:
    """The root of a tree of nine files that hold a text, but for some."""
    tree = build(Manifest({RelPath(path): state(text if path not in changed else "other") for path in PATHS}))
    for data in tree.objects.values():
        default_store().put(data)
    return tree.root


def test_trees_that_are_alike_hold_what_they_share_once() -> None:
    references = _References()
    one, other = references.at(stored("a")), references.at(stored("a", "App/3.dat"))
    assert [path for path in PATHS if one[path] is not other[path]] == ["App/3.dat"]
    assert all(mine is theirs for mine, theirs in zip(one, other, strict=True))


def test_no_more_states_are_kept_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "STATES_KEPT", 20)
    references = _References()
    roots = [stored("a"), stored("a", "App/3.dat"), stored("b")]
    trees = [references.at(root) for root in roots]
    assert [references.at(root) is tree for root, tree in zip(roots, trees, strict=True)] == [True] * 3
    references.at(stored("c"))
    assert references.at(roots[2]) is trees[2]
    assert references.at(roots[0]) is not trees[0]
