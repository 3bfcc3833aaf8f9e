"""Counting what waits in the queues of a node, over SFTP. Nothing is changed on it."""

from __future__ import annotations

from collections.abc import Callable

from nodes.connection.connect import NodeLink
from nodes.errors import RemoteBusy, RemoteDenied, RemoteFileMissing
from nodes.products.profile import Profile
from nodes.queues.core.tally import QUEUES, Count, Tally, is_message
from nodes.remote.session import FileKind, RemoteEntry

MOST_ENTRIES = 1_000_000
"""So many names are gone through; what comes after them is not counted, and that is said."""

MOST_FOLDERS = 2_000
DEEPEST = 32


def count_queues(link: NodeLink, folder: str, profile: Profile, alive: Callable[[], None] = lambda: None) -> Tally:
    """Count the messages in a folder (an SFTP path) and all below it, by folder. Links are not followed, and memory
    does not grow with the messages. `alive` is called whenever names came; it may raise to stop.

    Raises RemoteFileMissing where there is no such folder, RemoteDenied where it cannot be listed, and what the session
    raises."""
    return _Counting(link, folder.rstrip("/"), profile, alive).run()


class _Counting:
    """One count."""

    def __init__(self, link: NodeLink, root: str, profile: Profile, alive: Callable[[], None]) -> None:
        self._session, self._root, self._profile, self._alive = link.session, root, profile, alive
        self._default = next((rule.default for rule in profile.folders if rule.role == QUEUES), "Queues")
        self._count = Count()
        self._waiting: list[str] = []
        self._seen = self._folders = 0

    def run(self) -> Tally:
        self._list("")
        while self._waiting and not self._count.more:
            queue = self._waiting.pop()
            try:
                self._list(queue)
            except (RemoteDenied, RemoteBusy):
                self._count.unread.append(queue)
            except RemoteFileMissing:
                continue  # it went away since its parent was listed
        return self._count.tally()

    def _list(self, queue: str) -> None:
        path = f"{self._root}/{queue}" if queue else self._root
        for entries in self._session.entries(path, progress=lambda _: self._alive()):
            self._count.enter(queue)
            self._seen += len(entries)
            for entry in entries:
                self._take(queue, entry)
            if self._seen > MOST_ENTRIES:
                self._count.more = True
                return
        self._count.enter(queue)

    def _take(self, queue: str, entry: RemoteEntry) -> None:
        if entry.stat.kind is FileKind.FOLDER:
            self._note_folder(f"{queue}/{entry.name}" if queue else entry.name, spelled=entry.name_bytes is None)
        elif entry.stat.kind is FileKind.FILE and is_message(self._profile, self._place(queue), entry.name):
            self._count.add(queue, entry.stat.size, entry.stat.mtime_ns)

    def _place(self, queue: str) -> str:
        return f"{self._default}/{queue}" if queue else self._default

    def _note_folder(self, queue: str, *, spelled: bool) -> None:
        self._folders += 1
        if self._folders > MOST_FOLDERS:
            self._count.more = True
        elif not spelled or queue.count("/") >= DEEPEST:
            self._count.unread.append(queue)
        else:
            self._waiting.append(queue)
