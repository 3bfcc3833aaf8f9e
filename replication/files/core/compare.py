"""What must be done to one node: wanted against baseline against what is there. Pure; the rules of what may be lost.

- Something is written only where the node's present state is known; what could not be read or listed becomes a problem.
- A file is deleted only when its content is what the baseline proves we wrote. Anything else that is not wanted is an
  extra: reported, never touched.
- A folder makes room for a file, and a file for a folder, where all that stands there is proven to be ours; else what
  is not ours is named.
- An edit made on the node is overwritten, but marked `conflict`, so that its content is kept first. A node without a
  baseline was never ours: what differs there is an update whose former content is recorded in `found`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Generic, TypeVar

from replication.files.core.changes import (
    Change,
    ChangeKind,
    Found,
    Wanted,
)
from replication.files.core.manifest import FileState, Manifest, Problem
from replication.files.core.paths import RelPath, folders_above, identity

V = TypeVar("V")

LATEST_NS = (2**32 - 1) * 1_000_000_000
"""The last time that SFTP can set, in 2106; the first is the beginning of 1970."""


IN_THE_WAY = "in_the_way"
"""Code of a path that something else stands in the place of."""


@dataclass(frozen=True, slots=True)
class Handling:
    """How a path is treated: `group` orders (lower first), `semaphore` is the file that tells the server, "" or None
    for none, `effect` what else a change asks for."""

    group: int = 50
    semaphore: str | None = None
    effect: str = "none"


@dataclass(frozen=True, slots=True)
class Delta:
    """The difference to be closed on one node.

    `changes` in the order to be done; `extras` what only the node has (or edited after we wrote it and no longer
    wanted); `same` what is already as wanted; `problems` what kept a path from being planned, beyond those the listing
    itself reported.
    """

    changes: tuple[Change, ...] = ()
    extras: tuple[RelPath, ...] = ()
    same: tuple[RelPath, ...] = ()
    problems: tuple[Problem, ...] = ()


Ruling = Callable[[RelPath], Handling]
Step = Change | Problem | None


def compare(
    *,
    wanted: Mapping[RelPath, Wanted],
    baseline: Manifest | None,
    actual: Manifest,
    ruling: Ruling,
    folds_case: bool,
    folders: Collection[str] = (),
    unknown: Sequence[str] = (),
) -> Delta:
    """Plan one node.

    `wanted`: the files it shall have. `baseline`: what was last proven there, None on a node that never was. `actual`:
    what is there. `folders`: folders there that replication did not make. `unknown`: the primary's folders that could
    not be listed; nothing is deleted beneath them. A change's path is spelled as the node spells it.
    """
    if _is_settled(wanted, actual.files, folds_case=folds_case):
        return Delta(same=tuple(sorted(wanted)))
    fold = _Fold(folds_case)
    sides = _Sides(
        wanted=_index(wanted, fold),
        baseline=_index(baseline.files if baseline else {}, fold),
        actual=_index(actual.files, fold),
        known_node=baseline is not None,
        ruling=ruling,
        undeletable=_Folders([*unknown, *actual.unlisted], fold),
        unlisted=_Folders(actual.unlisted, fold),
        blocked={fold(problem.path) for problem in actual.problems},
        unclassified=tuple(fold(path) for path in actual.unclassified),
        folders={**{fold(folder): folder for folder in folders}, **_parents(actual.files, fold)},
        ours=_parents(baseline.files if baseline else (), fold).keys(),
    )
    return _delta(sides)


def _is_settled(wanted: Mapping[RelPath, Wanted], files: Mapping[RelPath, FileState], *, folds_case: bool) -> bool:
    """Whether a node holds exactly what it shall, each file under one name. So it is after most work, and there is
    nothing to weigh then."""
    if wanted.keys() != files.keys():
        return False
    if not all(_is_as_wanted(files[path], one) for path, one in wanted.items()):
        return False
    return not folds_case or len({identity(path, folds_case=True) for path in wanted}) == len(wanted)


def _is_as_wanted(state: FileState, wanted: Wanted) -> bool:
    same = state.sha256 == wanted.sha256 and not state.stale
    return same and _same_moment(state.mtime_ns, wanted.mtime_ns)


class _Fold:
    """A path's identity on the node; also of texts that are no proper paths."""

    def __init__(self, folds_case: bool) -> None:
        self._folds_case = folds_case

    def __call__(self, path: str) -> str:
        return identity(path, folds_case=self._folds_case)


class _Folders:
    """A set of folders; knows what lies in or beneath them. "" is everything."""

    def __init__(self, folders: Iterable[str], fold: _Fold) -> None:
        self._keys = {fold(folder.strip("/")) for folder in folders}

    def hold(self, key: str) -> bool:
        return bool(self._keys) and (
            "" in self._keys or key in self._keys or any(f in self._keys for f in folders_above(key))
        )


@dataclass(frozen=True, slots=True)
class _Index(Generic[V]):
    """Values by identity; `collided` are identities with more than one spelling."""

    entries: Mapping[str, tuple[RelPath, V]]
    collided: Mapping[str, tuple[RelPath, ...]]


@dataclass(frozen=True, slots=True)
class _Sides:
    wanted: _Index[Wanted]
    baseline: _Index[FileState]
    actual: _Index[FileState]
    known_node: bool
    ruling: Ruling
    undeletable: _Folders
    unlisted: _Folders
    blocked: set[str]
    unclassified: Sequence[str]
    folders: Mapping[str, str]
    ours: Collection[str]


def _index(values: Mapping[RelPath, V], fold: _Fold) -> _Index[V]:
    entries: dict[str, tuple[RelPath, V]] = {}
    collided: dict[str, tuple[RelPath, ...]] = {}
    for path in sorted(values):
        key = fold(path)
        if key in entries:
            collided[key] = (*collided.get(key, (entries[key][0],)), path)
        else:
            entries[key] = (path, values[path])
    return _Index(entries, collided)


def _parents(paths: Iterable[str], fold: _Fold) -> dict[str, str]:
    """The folders that these paths lie in, by identity."""
    found: set[str] = set()
    for path in paths:
        found.update(takewhile(lambda folder: folder not in found, folders_above(path)))
    return {fold(folder): folder for folder in found}


def _delta(sides: _Sides) -> Delta:
    steps: list[Change | Problem] = []
    same: list[RelPath] = []
    for key, (path, wanted) in sides.wanted.entries.items():
        if key in sides.wanted.collided or key in sides.actual.collided:
            steps += _collision(key, sides)
            continue
        step = _write(key, path, wanted, sides)
        if step is not None:
            steps.append(step)
        elif _is_readable(key, sides):
            same.append(path)
    deletions, extras = _unwanted(sides)
    changes = sorted((step for step in steps if isinstance(step, Change)), key=lambda step: (step.group, step.path))
    problems = sorted((step for step in steps if isinstance(step, Problem)), key=lambda problem: problem.path)
    return Delta((*changes, *deletions), tuple(extras), tuple(sorted(same)), tuple(problems))


def _collision(key: str, sides: _Sides) -> list[Problem]:
    spellings = {*sides.wanted.collided.get(key, ()), *sides.actual.collided.get(key, ())}
    names = ", ".join(repr(str(path)) for path in sorted(spellings))
    detail = f"{names} are one file on this node; remove or rename all but one"
    blamed = sides.wanted.collided.get(key) or (sides.wanted.entries[key][0],)
    return [Problem(path, "collision", detail) for path in blamed]


def _write(key: str, path: RelPath, wanted: Wanted, sides: _Sides) -> Step:
    """The step that makes one file as wanted; None where it is, or where the listing has already said why not."""
    found = sides.actual.entries.get(key)
    obstacle = _obstacle(key, sides)
    if obstacle:
        return Problem(path, *obstacle)
    if found is None:
        return None if _is_blocked(key, sides) else _add(key, path, wanted, sides)
    spelled, state = found
    if state.stale:
        known = key in sides.blocked
        return None if known else Problem(path, "unreadable", "it could not be read this time; left as it is")
    if state.sha256 != wanted.sha256:
        return _step(ChangeKind.UPDATE, spelled, wanted, state, sides, conflict=_is_edit(key, state, sides))
    if _same_moment(state.mtime_ns, wanted.mtime_ns):
        return None
    return Change(ChangeKind.TOUCH, spelled, wanted, _found(state), sides.ruling(spelled).group)


def _is_readable(key: str, sides: _Sides) -> bool:
    found = sides.actual.entries.get(key)
    return found is not None and not found[1].stale


def _obstacle(key: str, sides: _Sides) -> tuple[str, str] | None:
    """What stands in the way of writing a path, as a problem's code and detail."""
    if key in sides.actual.entries:
        return None
    if sides.unlisted.hold(key) and not _is_blocked(key, sides):
        return "unlisted", "its folder could not be listed, so what is there is not known"
    stranger = _stranger(key, sides)
    if stranger:
        return IN_THE_WAY, f"{stranger!r} is in the way and not as replication wrote it; move it away"
    return None


def _stranger(key: str, sides: _Sides) -> str:
    """What stands in the place of a file, or of one of its folders, and does not go by our own hand; "" for nothing."""
    for folder in folders_above(key):
        if folder in sides.wanted.entries:
            return sides.wanted.entries[folder][0]
        if folder in sides.actual.entries:
            path, state = sides.actual.entries[folder]
            return "" if _is_proven(folder, state, sides) else path
    return next(_strangers_beneath(key, sides), "") if key in sides.folders else ""


def _strangers_beneath(key: str, sides: _Sides) -> Iterator[str]:
    """What stands in a folder that shall be a file, the folder itself included, and is not proven to be ours."""
    start = f"{key}/"
    for place, (path, state) in sides.actual.entries.items():
        if place.startswith(start) and (place in sides.wanted.entries or not _is_proven(place, state, sides)):
            yield path
    yield from (place for place in (*sides.blocked, *sides.unclassified) if place.startswith(start))
    for place, folder in sides.folders.items():
        if (place == key or place.startswith(start)) and place not in sides.ours:
            yield folder


def _is_blocked(key: str, sides: _Sides) -> bool:
    """Whether the listing met something at the path, or at a folder above it, that is no readable file."""
    return key in sides.blocked or any(folder in sides.blocked for folder in folders_above(key))


def _add(key: str, path: RelPath, wanted: Wanted, sides: _Sides) -> Change:
    deleted_on_node = key in sides.baseline.entries
    return _step(ChangeKind.ADD, path, wanted, None, sides, conflict=deleted_on_node)


def _is_edit(key: str, state: FileState, sides: _Sides) -> bool:
    """Whether content that differs from what is wanted was made on the node."""
    before = sides.baseline.entries.get(key)
    return sides.known_node and (before is None or before[1].sha256 != state.sha256)


def _unwanted(sides: _Sides) -> tuple[list[Change], list[RelPath]]:
    deletions: list[Change] = []
    extras: list[RelPath] = []
    for key, (path, state) in sides.actual.entries.items():
        if key in sides.wanted.entries:
            continue
        if _is_proven(key, state, sides):
            deletions.append(_step(ChangeKind.DELETE, path, None, state, sides, conflict=False))
        elif not sides.undeletable.hold(key):
            extras.extend(sides.actual.collided.get(key, (path,)))
    # what names others goes before what it names, the reverse of writing
    deletions.sort(key=lambda change: (-change.group, change.path))
    return deletions, sorted(extras)


def _is_proven(key: str, state: FileState, sides: _Sides) -> bool:
    """Whether the baseline proves that the content there is ours, so that it may be deleted."""
    before = sides.baseline.entries.get(key)
    if before is None or state.stale or sides.undeletable.hold(key):
        return False
    if key in sides.actual.collided or key in sides.baseline.collided:
        return False
    return before[1].sha256 == state.sha256


def _step(
    kind: ChangeKind,
    path: RelPath,
    wanted: Wanted | None,
    state: FileState | None,
    sides: _Sides,
    *,
    conflict: bool,
) -> Change:
    handling = sides.ruling(path)
    found = _found(state) if state else None
    return Change(kind, path, wanted, found, handling.group, handling.semaphore, handling.effect, conflict)


def _found(state: FileState) -> Found:
    return Found(state.sha256, state.size, state.mtime_ns, state.change_ns)


def _same_moment(a: int, b: int) -> bool:
    """Whether two times agree at the coarser of their precisions (SFTP keeps whole seconds, NTFS 100 ns), as far as
    SFTP can set them: what lies outside its range counts as the range's end."""
    a, b = settable(a), settable(b)
    if a == b:
        return True
    step = max(_precision(a), _precision(b))
    return a // step == b // step


def settable(moment: int) -> int:
    """The moment (nanoseconds since 1970), or the nearest one that SFTP can set."""
    return min(max(moment, 0), LATEST_NS)


def _precision(moment: int) -> int:
    step = 1
    while step < 1_000_000_000 and moment % (step * 10) == 0:
        step *= 10
    return step
