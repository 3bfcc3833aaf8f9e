"""Which files of a secondary others than the portal changed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath

Files = Mapping[RelPath, FileState]


def edited(
    proven: Files,
    seen: Manifest,
    given: Sequence[Files] = (),
    is_own: Callable[[RelPath, str], bool] = lambda path, content: False,
) -> frozenset[RelPath]:
    """The proven files that now have another content, or are gone. Not so what one of the trees `given` has there: a
    job that was cut short had begun to bring it. `is_own`: whether a content (its hash) under a path is otherwise known
    as the portal's work. Of what could not be read nothing is said."""
    unknown = {problem.path for problem in seen.problems}

    def is_edited(path: RelPath, state: FileState) -> bool:
        now = seen.files.get(path)
        if path in unknown or (now is not None and (now.stale or now.sha256 == state.sha256)):
            return False
        content = now.sha256 if now else ""
        return content not in {_content(files.get(path)) for files in given} and not is_own(path, content)

    return frozenset(path for path, state in proven.items() if is_edited(path, state))


def _content(state: FileState | None) -> str:
    return state.sha256 if state else ""
