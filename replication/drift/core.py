"""Which files of a secondary are not as they were proven. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath

Files = Mapping[RelPath, FileState]


def departed(proven: Files, seen: Manifest) -> dict[RelPath, str]:
    """The proven files that now have another content, by its hash, or are gone (""). Of what could not be read nothing
    is said."""
    unknown = {problem.path for problem in seen.problems}
    found: dict[RelPath, str] = {}
    for path, state in proven.items():
        now = seen.files.get(path)
        if path not in unknown and (now is None or (not now.stale and now.sha256 != state.sha256)):
            found[path] = now.sha256 if now else ""
    return found
