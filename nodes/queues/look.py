"""Counting what waits in the queues of a node, over SFTP, and keeping it in its row. Nothing is changed on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from nodes.clusters.selectors import plain_profile
from nodes.connection.connect import NodeLink, open_node
from nodes.errors import LimitBroken, NodeError, RemoteBusy, RemoteDenied, RemoteFileMissing, SessionLost, TimedOut
from nodes.facts.models import NodeFacts
from nodes.products.errors import ProfileError
from nodes.products.folders import folders_from
from nodes.products.profile import Profile
from nodes.queues.core.places import QueuePlaces, left_place, usual_place
from nodes.queues.core.tally import Count, Tally, is_message
from nodes.queues.models import QueueReading
from nodes.queues.selectors.places import queue_places
from nodes.queues.services.readings import Read, keep_failure, keep_reading
from nodes.registry.models import Node
from nodes.remote.session import FileKind, RemoteEntry
from nodes.temp_names import PREFIX

MOST_ENTRIES = 1_000_000
"""So many names are gone through; what comes after them is not counted, and that is said."""

MOST_FOLDERS = 2_000
DEEPEST = 32

SECONDS = 60.0
"""What reading one node's queues may take. A node that needs longer is not degraded by that: others wait for nothing
but these numbers."""


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
        self._default = usual_place(profile.folders)
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
            begun = entry.name.startswith(PREFIX)
            self._count.add(queue, entry.stat.size, entry.stat.mtime_ns, begun=begun)

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


def read_queues_of(node_id: int) -> None:
    """Count what waits on a node, and keep it; what goes wrong is kept beside what was counted before. A node that was
    removed meanwhile is no error."""
    node = Node.objects.select_related("cluster", "facts", "queue_reading").filter(pk=node_id).first()
    if node is None:
        return
    try:
        profile = plain_profile(node.cluster)
        places = queue_places(node, profile)
        with open_node(node) as link:
            try:
                read = _read(link, node, profile, places)
            except LimitBroken as error:
                keep_failure(node_id, str(error))
                return
    except (NodeError, ProfileError, ValueError) as error:
        keep_failure(node_id, str(error))
        return
    keep_reading(node_id, read)


def _read(link: NodeLink, node: Node, profile: Profile, places: QueuePlaces) -> Read:
    facts: NodeFacts | None = getattr(node, "facts", None)
    before: QueueReading | None = getattr(node, "queue_reading", None)
    alive = _deadline()
    present = places.present(folders_from(facts.folders if facts else ()))
    tally = count_queues(link, places.sftp(present), profile, alive)
    left = left_place(present, before.place if before else "", before.left_place if before else "", places)
    return Read(
        place=present,
        shared=places.is_shared(present),
        tally=tally,
        left_place=left,
        left=_left(link, left, profile, places, alive),
        left_shared=places.is_shared(left),
        ahead=timedelta(milliseconds=(facts.clock_offset_ms if facts else None) or 0.0),
    )


def _left(link: NodeLink, left: str, profile: Profile, places: QueuePlaces, alive: Callable[[], None]) -> Tally | None:
    """What lies in the folder that the node worked in before; None where there is none."""
    if not left:
        return None
    try:
        return count_queues(link, places.sftp(left), profile, alive)
    except RemoteFileMissing:
        return None
    except (SessionLost, TimedOut, LimitBroken):
        raise
    except (NodeError, ValueError):
        return Tally(unread=(left,))


def _deadline() -> Callable[[], None]:
    """What raises LimitBroken once the time is over."""
    until = time.monotonic() + SECONDS

    def alive() -> None:
        if time.monotonic() > until:
            raise LimitBroken(f"Counting its messages took longer than {SECONDS:.3g} s. Look what fills its queues.")

    return alive


def queued_on(link: NodeLink, node: Node, profile: Profile) -> dict[str, dict[str, int] | str]:
    """What waits in each folder in which the node works, or worked, or is to work, counted now: messages by queue, or
    why that could not be read. A folder that is not there is not among them. Raises SessionLost, TimedOut,
    LimitBroken."""
    places = queue_places(node, profile)
    before: QueueReading | None = getattr(node, "queue_reading", None)
    known = (before.place, before.left_place) if before else ()
    found: dict[str, dict[str, int] | str] = {}
    for folder in dict.fromkeys(filter(None, (places.own, *known, places.shared))):
        try:
            found[folder] = count_queues(link, places.sftp(folder), profile).by_queue
        except RemoteFileMissing:
            continue
        except (SessionLost, TimedOut, LimitBroken):
            raise
        except (NodeError, ValueError) as error:
            found[folder] = str(error)
    return found
