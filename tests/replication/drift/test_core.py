"""What counts as an edit: another content than proven, unless the portal itself had begun to bring it."""

from __future__ import annotations

import pytest

from replication.drift.core import edited
from replication.files.core.manifest import FileState, Manifest, Problem
from replication.files.core.paths import RelPath


def _tree(**files: str) -> dict[RelPath, FileState]:
    return {RelPath(name): FileState(1, 1, digest * 64) for name, digest in files.items()}


PROVEN = _tree(a="1", b="1")
TABLE = [
    ("as proven", _tree(a="1", b="1"), (), set()),
    ("another content", _tree(a="2", b="1"), (), {"a"}),
    ("gone", _tree(b="1"), (), {"a"}),
    ("one that only the node has", _tree(a="1", b="1", c="1"), (), set()),
    ("what a job had begun to bring", _tree(a="2", b="1"), (_tree(a="2", b="2"),), set()),
    ("what an earlier job had begun to bring", _tree(a="2", b="1"), (_tree(a="3"), _tree(a="2")), set()),
    ("a deletion that a job had begun", _tree(b="1"), (_tree(b="1"),), set()),
    ("neither the old nor the new content", _tree(a="3", b="1"), (_tree(a="2", b="1"),), {"a"}),
]


@pytest.mark.parametrize(("seen", "given", "found"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_is_an_edit(seen, given, found) -> None:
    assert edited(PROVEN, Manifest(files=seen), given) == found


def test_what_could_not_be_read_is_no_edit() -> None:
    stale = {RelPath("a"): FileState(1, 1, "2" * 64, stale=True)}
    problems = (Problem("b", "changing"),)
    assert edited(PROVEN, Manifest(files=stale, problems=problems)) == frozenset()


def test_a_rendered_content_of_the_portals_is_no_edit() -> None:
    seen = Manifest(files=_tree(a="2", b="3"))
    assert edited(PROVEN, seen, (), lambda path, content: (path, content) == ("a", "2" * 64)) == {"b"}
