"""Listing a tree over SFTP alone, for nodes that run no commands."""

from __future__ import annotations

import time
from collections.abc import Sequence

from nodes.errors import RemoteBusy, RemoteDenied, RemoteFileMissing
from nodes.platforms.base import ListedFile, Listing
from nodes.remote.limits import USUAL, Limits
from nodes.remote.session import FileKind, Progress, RemoteEntry, Session

_DEEPEST = 200
"""A deeper tree is a loop that the server does not admit to."""


def walk(
    session: Session,
    root: str,
    skip: Sequence[str] = (),
    *,
    folds_case: bool = False,
    limits: Limits = USUAL,
    progress: Progress | None = None,
) -> Listing:
    """Every entry under `root`, links not followed; folders in `skip` (relative) are named but not listed. `progress`
    is told whenever names came.

    A folder that cannot be listed, or whose name is no valid UTF-8, is in `unreadable`, never silently empty; one that
    went away since its parent was listed is in `vanished`.
    Raises RemoteFileMissing where there is no root, RemoteDenied where it cannot be entered, LimitBroken where the
    whole tree breaks one of the `limits`.
    """
    spell = str.casefold if folds_case else str
    skipped = frozenset(spell(folder) for folder in skip)
    walking = _Walk(session, root.rstrip("/"), skipped, limits, progress)
    walking.take("", session.list_folder(root, progress=progress))
    while walking.waiting:
        folder = walking.waiting.pop()
        if spell(folder) not in walking.skip:
            walking.list_one(folder)
    return Listing(tuple(walking.files), tuple(sorted(walking.unreadable)), tuple(sorted(walking.vanished)))


class _Walk:
    """A walk under way. Paths are relative to the root."""

    def __init__(
        self, session: Session, root: str, skip: frozenset[str], limits: Limits, progress: Progress | None
    ) -> None:
        self.skip = skip
        self.files: list[ListedFile] = []
        self.unreadable: list[str] = []
        self.vanished: list[str] = []
        self.waiting: list[str] = []
        self._session, self._root, self._limits, self._progress = session, root, limits, progress
        self._began, self._size = time.monotonic(), 0

    def list_one(self, folder: str) -> None:
        """List one folder below the root, or note why not."""
        if folder.count("/") >= _DEEPEST:
            self.unreadable.append(folder)
            return
        try:
            self.take(folder, self._session.list_folder(f"{self._root}/{folder}", progress=self._progress))
        except (RemoteDenied, RemoteBusy):
            self.unreadable.append(folder)
        except RemoteFileMissing:
            # to count as absent it must be missing from a clean listing
            self.vanished.append(folder)

    def take(self, folder: str, entries: Sequence[RemoteEntry]) -> None:
        """Note a folder's entries. Raises LimitBroken where they are too many for one tree."""
        self._limits.check_names(len(self.files) + len(entries), self._root)
        self._limits.check_seconds(time.monotonic() - self._began, self._root)
        start = f"{folder}/" if folder else ""
        self._size += sum(len(start) + len(entry.name) for entry in entries)
        self._limits.check_bytes(self._size, self._root)
        for entry in entries:
            path = start + entry.name
            stat = entry.stat
            raw = None if entry.name_bytes is None else start.encode() + entry.name_bytes
            self.files.append(ListedFile(path, stat.kind.value, stat.size, stat.mtime_ns, None, raw))
            if stat.kind is FileKind.FOLDER:
                # a folder whose name cannot be spelled cannot be asked for
                (self.waiting if raw is None else self.unreadable).append(path)
