"""What the last scan of a primary listed, and what came of it: where the next listing is much the same, only what moved
since is looked at.

It answers exactly what a look at everything would; where it cannot be sure of that it answers nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from nodes.platforms.base import ListedFile, Listing
from nodes.products.profile import Profile
from replication.files.core.manifest import RACY, FileState, Manifest
from replication.files.core.paths import RelPath
from replication.files.core.sheet import Sheet
from replication.files.listing import Sorted, config_moved, sort_out

MOST = 1000
"""Files that may be in question: for more of them looking at everything is no slower."""


@dataclass(frozen=True, slots=True)
class Part:
    """The files in question, and how those of them that are there are listed."""

    paths: frozenset[RelPath]
    found: Sorted

    def within(self, known: Manifest) -> Manifest:
        """What is known of them."""
        return Manifest(files={path: known.files[path] for path in self.paths if path in known.files})

    def others_sizes(self, known: Manifest) -> dict[str, int]:
        """The bytes of all other files."""
        return {path: state.size for path, state in known.files.items() if path not in self.paths}

    def whole(self, now: Manifest, known: Manifest) -> Manifest:
        """What these files are `now`, and all others as they were known."""
        if now.files == self.within(known).files:
            return replace(now, files=known.files)
        files = dict(known.files)
        for path in self.paths - now.files.keys():
            files.pop(path, None)
        files.update(now.files)
        return replace(now, files=files)


@dataclass(frozen=True, slots=True)
class LastScan:
    """A listing, what came of it under `profile`, and the files that are to be looked at again whatever happens. Every
    other config file is in the manifest as it is listed, and nothing else is."""

    sheet: Sheet
    profile: Profile
    manifest: Manifest
    open: frozenset[RelPath]

    def part(self, known: Manifest, now: Sheet | None, profile: Profile) -> Part | None:
        """What is in question by the listing of now. None: look at everything."""
        if now is None or profile is not self.profile or known.files != self.manifest.files:
            return None
        moved = now.moved_since(self.sheet)
        touched = None if moved is None else config_moved(moved, profile, str)
        if touched is None or len(touched) + len(self.open) > MOST:
            return None
        paths = frozenset({*touched, *self.open})
        entries = now.entries_at(paths)
        found = sort_out(Listing(tuple(entries[path] for path in sorted(entries))), profile)
        if found.problems or found.hidden:
            return None
        return Part(paths, replace(found, unclassified=self.manifest.unclassified))


def last_scan(
    manifest: Manifest,
    config: Mapping[RelPath, ListedFile],
    sheet: Sheet | None,
    profile: Profile,
    part: Part | None,
) -> LastScan | None:
    """What a scan leaves to the next one, that found `config`, of a `part` or of everything. None where something stood
    in the way of knowing all files."""
    if sheet is None or manifest.problems or manifest.unlisted:
        return None
    paths: Collection[RelPath] = part.paths if part else config.keys() | manifest.files.keys()
    unsettled = (path for path in paths if not _is_settled(manifest.files.get(path), config.get(path)))
    return LastScan(sheet, profile, manifest, frozenset(unsettled))


def _is_settled(state: FileState | None, file: ListedFile | None) -> bool:
    return state is None if file is None else is_as_listed(state, file)


def is_as_listed(known: FileState | None, file: ListedFile) -> bool:
    """Whether what is known of a file holds as long as it is listed so."""
    return (
        known is not None
        and not known.stale
        and known.change_ns != RACY
        and (known.size, known.mtime_ns, known.change_ns) == (file.size, file.mtime_ns, file.change_ns)
    )
