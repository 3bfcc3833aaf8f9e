"""What of the primary's tree a secondary is proven to hold, and what it lacks.

A secondary's own tree cannot tell: files with keys of its own never have the primary's content. So what it holds is
told in the primary's terms: a tree of the primary's files, each in the state that was last proven there. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from replication.files.core.manifest import FileState
from replication.files.core.paths import RelPath

Files = Mapping[RelPath, FileState]


def held_after(wanted: Files, before: Files, lacking: Collection[RelPath], undeleted: Collection[RelPath]) -> Files:
    """The primary's files `wanted`, as far as they are proven now: those `lacking` are as they were `before`, or not
    there; those `undeleted` are there although they are wanted no more."""
    held = {path: state for path, state in wanted.items() if path not in lacking}
    held |= {path: before[path] for path in (*lacking, *undeleted) if path in before}
    return held


def differing(wanted: Files, held: Files) -> frozenset[RelPath]:
    """The paths whose content, or absence, is not what is wanted."""
    if wanted is held:
        return frozenset()
    changed = {path for path, state in wanted.items() if (other := held.get(path)) is None or not _same(state, other)}
    return frozenset(changed | (held.keys() - wanted.keys()))


def _same(one: FileState, other: FileState) -> bool:
    return one.sha256 == other.sha256
