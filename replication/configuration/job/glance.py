"""The quick look at a node: where its listing is as it was when the node was last proven, only what moved since, or is
wanted otherwise, is looked at. Everything else is by then known to be as it should.

It answers exactly what the whole look would; where it cannot be sure of that it answers nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from nodes.bounded import Bounded
from nodes.platforms.base import ListedFile
from nodes.products.profile import Profile
from replication.configuration.models import NodeTree
from replication.files.core.manifest import RACY, FileState, Manifest
from replication.files.core.paths import RelPath, folders_above, identity
from replication.files.core.sheet import Sheet
from replication.files.last_scan import MOST
from replication.files.listing import Respell, config_moved
from replication.files.scan import is_racy

BYTES_KEPT = 128 * 1024 * 1024
"""Listings that a process remembers: 40 nodes with 20,000 files are some 70 MB."""


@dataclass(frozen=True, slots=True)
class Own:
    """A path whose states do not follow from the primary's file and the listing: what is there, and what was proven.
    None: nothing."""

    actual: FileState | None
    proven: FileState | None


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a node's listing stood for when the node was last proven. `tree`: the proof; `given`: the tree of the
    primary's it was compared with, under `profile`. Each file that is listed and in that tree, and not among `own`, is
    proven, with the primary's content. `open`: what is to be looked at again whatever happens. `spelled`: files that
    the node spells otherwise. `racy`: many were written so shortly before that another content may hide behind what is
    listed; all are hashed once more."""

    tree: NodeTree
    given: str
    profile: Profile
    sheet: Sheet
    own: Mapping[RelPath, Own] = field(default_factory=dict)
    open: frozenset[RelPath] = frozenset()
    spelled: Mapping[RelPath, str] = field(default_factory=dict)
    racy: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """The files in question: as they are listed, and what was known of them. `spelled`: how the node spells files that
    it spells otherwise. `racy`: as in `Sighting`, of all others."""

    listed: Mapping[RelPath, ListedFile]
    known: Manifest
    proven: Manifest
    paths: frozenset[RelPath]
    spelled: Mapping[RelPath, str]
    racy: bool = False


Files = Mapping[RelPath, FileState]


@dataclass(frozen=True, slots=True)
class Apart:
    """The paths whose states do not follow from the primary's files and a listing; `racy`: as in `Sighting`, of all
    others."""

    own: dict[RelPath, Own]
    racy: bool = False


def set_apart(actual: Files, proven: Files, given: Files) -> Apart | None:
    """What does not follow from the primary's files `given` and a listing; None where that is too much."""
    own, racy = {}, {}
    for path in actual.keys() | proven.keys():
        state, before, wanted = actual.get(path), proven.get(path), given.get(path)
        follows = state is not None and wanted is not None and state.sha256 == wanted.sha256 and not state.stale
        if state is None or not follows or not _is_same(state, before):
            own[path] = Own(state, before)
            if len(own) > MOST:
                return None
        elif state.change_ns == RACY:
            racy[path] = Own(state, before)
    if len(own) + len(racy) <= MOST:
        return Apart(own | racy)
    return Apart(own, racy=True)


def _is_same(state: FileState, proven: FileState | None) -> bool:
    """Whether a file is as it was proven. What was proven right after it was written is proven, whatever change time it
    is known to have by now."""
    if state is proven or proven is None:
        return proven is not None
    same_times = state.mtime_ns == proven.mtime_ns and proven.change_ns in (RACY, state.change_ns)
    return same_times and (state.size, state.sha256, state.stale) == (proven.size, proven.sha256, proven.stale)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a node is compared with: the primary's files at its last proof (`given`) and those `wanted` now, which
    differ in `differing`; and more paths that are to be looked at (`also`)."""

    given: Files
    wanted: Files
    differing: Collection[RelPath]
    also: Collection[RelPath] = ()


def glance(before: Sighting, now: Sheet, terms: Terms, *, respell: Respell, folds_case: bool) -> Part | None:
    """What of a node is in question. `respell`: a name as the primary spells it. None: look at everything."""
    moved = now.moved_since(before.sheet)
    touched = None if moved is None else config_moved(moved, before.profile, respell)
    if touched is None:
        return None
    paths = frozenset({*touched, *before.own, *before.open, *terms.differing, *terms.also})
    if len(paths) > MOST:
        return None
    spelled = {**before.spelled, **touched}
    own = _own_at(before, paths, terms.given)
    listed = now.entries_at([spelled.get(path, path) for path in paths])
    entries = {path: listed.get(spelled.get(path, path)) for path in paths}
    absent = [path for path in paths & terms.wanted.keys() if entries[path] is None]
    if not _are_known(entries.values(), own, terms.wanted) or not _may_be_made(absent, now, folds_case=folds_case):
        return None
    return Part(
        {path: entry for path, entry in entries.items() if entry},
        Manifest(files={path: one.actual for path, one in own.items() if one.actual}),
        Manifest(files={path: one.proven for path, one in own.items() if one.proven}),
        paths,
        {path: name for path, name in spelled.items() if path != name},
        before.racy,
    )


def still_racy(now: Sheet, paths: Collection[RelPath], part: Part, clock_ns: int) -> frozenset[RelPath]:
    """Of files that are in no question, those whose content may change yet without showing in what is listed."""
    named = {part.spelled.get(path, path): path for path in paths}
    old = {named.get(file.path) for file in now.entries() if not is_racy(file, clock_ns)}
    return frozenset(path for path in paths if path not in old)


def _are_known(entries: Iterable[ListedFile | None], own: Mapping[RelPath, Own], wanted: Files) -> bool:
    """Whether all are files, or nothing, and none is to be deleted: that may leave folders empty."""
    if any(entry and entry.kind != "file" for entry in entries):
        return False
    return not any(one.proven and path not in wanted for path, one in own.items())


def _may_be_made(absent: Collection[RelPath], now: Sheet, *, folds_case: bool) -> bool:
    """Whether nothing but folders stands above files that are to be made, and nothing in their places."""
    if not absent:
        return True
    if not folds_case:
        above = {folder for path in absent for folder in folders_above(path)}
        return all(entry.kind == "folder" for entry in now.entries_at(above).values())
    there = {identity(file.path, folds_case=True): file.kind for file in now.entries()}
    keys = [path.key(folds_case=True) for path in absent]
    above = {folder for key in keys for folder in folders_above(key)}
    return there.keys().isdisjoint(keys) and all(there.get(folder, "folder") == "folder" for folder in above)


def _own_at(before: Sighting, paths: Collection[RelPath], given: Files) -> dict[RelPath, Own]:
    named = {path: before.spelled.get(path, path) for path in paths if path in given and path not in before.own}
    listed = before.sheet.entries_at(named.values())
    follow = {path: _follows(listed.get(name), given[path], racy=before.racy) for path, name in named.items()}
    return {path: before.own.get(path) or follow.get(path) or Own(None, None) for path in paths}


def _follows(entry: ListedFile | None, given: FileState, *, racy: bool) -> Own:
    if entry is None:
        return Own(None, None)
    state = FileState(entry.size, entry.mtime_ns, given.sha256, RACY if racy else entry.change_ns)
    return Own(state, state)


SIGHTINGS: Bounded[int, Sighting] = Bounded(BYTES_KEPT, lambda sighting: len(sighting.sheet.raw))
"""What this process last proved on nodes, by their ids."""


def sighting_for(node_id: int, tree: NodeTree | None, profile: Profile) -> Sighting | None:
    """What the node was when `tree` was proven there, if that is remembered."""
    known = SIGHTINGS.get(node_id)
    return known if known is not None and known.tree == tree and known.profile is profile else None


def remember(node_id: int, sighting: Sighting | None) -> None:
    """In place of the one before, which stays where nothing new is known: of its proof it is true for ever."""
    if sighting is not None:
        SIGHTINGS.keep(node_id, sighting)
