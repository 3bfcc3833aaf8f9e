"""What of the primary's tree a secondary holds, in the primary's terms, and what it lacks."""

from __future__ import annotations

from replication.configuration.core.held import differing, held_after
from replication.files.core.manifest import FileState
from replication.files.core.paths import RelPath


def _tree(**files: str) -> dict[RelPath, FileState]:
    return {RelPath(name): FileState(1, 1, digest * 64) for name, digest in files.items()}


def _paths(*names: str) -> list[RelPath]:
    return [RelPath(name) for name in names]


def test_what_is_proven_counts_and_the_rest_is_as_it_was() -> None:
    before, wanted = _tree(a="1", b="1", gone="1"), _tree(a="2", b="2", new="2")
    held = held_after(wanted, before, _paths("b", "new"), _paths("gone"))
    assert held == _tree(a="2", b="1", gone="1")
    assert differing(wanted, held) == set(_paths("b", "new", "gone"))


def test_the_same_content_at_another_time_is_no_difference() -> None:
    later = {RelPath("a"): FileState(1, 2, "1" * 64, 7)}
    assert differing(_tree(a="1"), later) == frozenset()
    assert differing({}, later) == {RelPath("a")}
