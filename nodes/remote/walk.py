"""Listing a tree over SFTP alone, for nodes that run no commands."""

from __future__ import annotations

from collections.abc import Sequence

from nodes.errors import RemoteBusy, RemoteDenied, RemoteFileMissing
from nodes.platforms.base import ListedFile, Listing
from nodes.remote.session import FileKind, RemoteEntry, Session

_DEEPEST = 200
"""A deeper tree is a loop that the server does not admit to."""


def walk(session: Session, root: str, skip: Sequence[str] = (), *, folds_case: bool = False) -> Listing:
    """Every entry under `root`, links not followed; folders in `skip` (relative) are named but not listed.

    A folder that cannot be listed, or whose name is no valid UTF-8, is in `unreadable`, never silently empty; one that
    went away since its parent was listed is in `vanished`.
    Raises RemoteFileMissing where there is no root, RemoteDenied where it cannot be entered.
    """
    spell = str.casefold if folds_case else str
    walking = _Walk(session, root.rstrip("/"), frozenset(spell(folder) for folder in skip))
    walking.take("", session.list_folder(root))
    while walking.waiting:
        folder = walking.waiting.pop()
        if spell(folder) not in walking.skip:
            walking.list_one(folder)
    return Listing(tuple(walking.files), tuple(sorted(walking.unreadable)), tuple(sorted(walking.vanished)))


class _Walk:
    """A walk under way. Paths are relative to the root."""

    def __init__(self, session: Session, root: str, skip: frozenset[str]) -> None:
        self.skip = skip
        self.files: list[ListedFile] = []
        self.unreadable: list[str] = []
        self.vanished: list[str] = []
        self.waiting: list[str] = []
        self._session, self._root = session, root

    def list_one(self, folder: str) -> None:
        """List one folder below the root, or note why not."""
        if folder.count("/") >= _DEEPEST:
            self.unreadable.append(folder)
            return
        try:
            self.take(folder, self._session.list_folder(f"{self._root}/{folder}"))
        except (RemoteDenied, RemoteBusy):
            self.unreadable.append(folder)
        except RemoteFileMissing:
            # to count as absent it must be missing from a clean listing
            self.vanished.append(folder)

    def take(self, folder: str, entries: Sequence[RemoteEntry]) -> None:
        """Note a folder's entries."""
        start = f"{folder}/" if folder else ""
        for entry in entries:
            path = start + entry.name
            stat = entry.stat
            raw = None if entry.name_bytes is None else start.encode() + entry.name_bytes
            self.files.append(ListedFile(path, stat.kind.value, stat.size, stat.mtime_ns, None, raw))
            if stat.kind is FileKind.FOLDER:
                # a folder whose name cannot be spelled cannot be asked for
                (self.waiting if raw is None else self.unreadable).append(path)
