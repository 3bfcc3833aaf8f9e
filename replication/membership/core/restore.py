"""What a node shall hold after it left: what it had before replication first wrote there. Pure.

Only what replication wrote is taken back. A file that it never touched stays as it is, edited or not; an edit of a file
that it did write is a conflict, if the node had that file before joining, and else an extra.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from replication.files.core.changes import Wanted
from replication.files.core.manifest import FileState, Manifest, Problem
from replication.files.core.paths import RelPath

NOT_KEPT = "what it held before joining is no longer in the store; it is left as it is"


@dataclass(frozen=True, slots=True)
class NodePast:
    """What is known of a node's time in the cluster. `origin`: what it held before; `baseline`: what was last proven
    there; `sent`: paths that replication may have written without coming to a proof. `is_kept` says whether the store
    holds a content, by its hash."""

    origin: Manifest
    baseline: Manifest | None
    sent: Collection[RelPath]
    is_kept: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """`wanted`: every file the node shall keep or get back. `ours`: what is there by replication's hand. `edited`: own
    files that were edited since and stay so. `missing`: own files that somebody removed, not replication."""

    wanted: Mapping[RelPath, Wanted]
    ours: Manifest
    edited: tuple[RelPath, ...] = ()
    missing: tuple[RelPath, ...] = ()
    problems: tuple[Problem, ...] = ()


def restore_plan(past: NodePast, actual: Manifest, *, folds_case: bool) -> RestorePlan:
    """Sort a node's files by whose they are."""
    sorting = _Sorting(past, actual, folds_case)
    for path, state in past.origin.files.items():
        sorting.take(path, state)
    return sorting.result()


class _Sorting:
    """The files of one node, being sorted."""

    def __init__(self, past: NodePast, actual: Manifest, folds_case: bool) -> None:
        self._past = past
        self._folds_case = folds_case
        self._actual = {self._key(path): (path, state) for path, state in actual.files.items()}
        self._ours = self._written()
        self._keys = {self._key(path) for path in self._ours}
        self._wanted: dict[RelPath, Wanted] = {}
        self._edited: list[RelPath] = []
        self._missing: list[RelPath] = []
        self._problems: list[Problem] = []

    def _key(self, path: RelPath) -> str:
        return path.key(folds_case=self._folds_case)

    def _written(self) -> dict[RelPath, FileState]:
        """What was proven, and what stands where replication was to write, with a content that the store holds: a run
        that was cut short put it there."""
        ours = dict(self._past.baseline.files) if self._past.baseline else {}
        proven = {self._key(path) for path in ours}
        for path in self._past.sent:
            key = self._key(path)
            there = self._actual.get(key)
            if key not in proven and there is not None and self._past.is_kept(there[1].sha256):
                ours[there[0]] = there[1]
        return ours

    def take(self, path: RelPath, before: FileState) -> None:
        """Decide on one file that the node had."""
        found = self._actual.get(self._key(path))
        if found is not None and self._key(path) not in self._keys:
            self._leave(*found)
            if found[1].sha256 != before.sha256:
                self._edited.append(path)
        elif self._past.is_kept(before.sha256) or (found is not None and found[1].sha256 == before.sha256):
            self._wanted[path] = Wanted(before.sha256, before.size, before.mtime_ns, shared=False)
        elif found is not None:
            self._problems.append(Problem(path, "not_kept", NOT_KEPT))
            self._leave(*found)
        else:
            self._missing.append(path)

    def _leave(self, path: RelPath, state: FileState) -> None:
        self._wanted[path] = Wanted(state.sha256, state.size, state.mtime_ns, shared=False)

    def result(self) -> RestorePlan:
        """Everything sorted."""
        return RestorePlan(
            wanted=self._wanted,
            ours=Manifest(files=self._ours),
            edited=tuple(self._edited),
            missing=tuple(self._missing),
            problems=tuple(self._problems),
        )
