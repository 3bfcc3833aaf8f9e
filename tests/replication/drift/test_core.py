"""What of a secondary is not as it was proven."""

from __future__ import annotations

import pytest

from replication.drift.core import departed
from replication.files.core.manifest import FileState, Manifest, Problem
from replication.files.core.paths import RelPath


def _tree(**files: str) -> dict[RelPath, FileState]:
    return {RelPath(name): FileState(1, 1, digest * 64) for name, digest in files.items()}


PROVEN = _tree(a="1", b="1")
TABLE = [
    ("as proven", _tree(a="1", b="1"), {}),
    ("another content", _tree(a="2", b="1"), {"a": "2" * 64}),
    ("gone", _tree(b="1"), {"a": ""}),
    ("one that only the node has", _tree(a="1", b="1", c="1"), {}),
]


@pytest.mark.parametrize(("seen", "found"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_departed(seen, found) -> None:
    assert departed(PROVEN, Manifest(files=seen)) == found


def test_of_what_could_not_be_read_nothing_is_said() -> None:
    stale = {RelPath("a"): FileState(1, 1, "2" * 64, stale=True)}
    assert departed(PROVEN, Manifest(files=stale, problems=(Problem("b", "changing"),))) == {}
