"""What a node's queues hold, folder by folder, added up while they are listed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nodes.products.profile import PathClass, Profile
from nodes.temp_names import PREFIX, Moving, moving_name

MOST_QUEUES = 200
"""So many folders have a sum of their own; what lies in others counts in the nearest one above that has."""


@dataclass(frozen=True, slots=True)
class QueueSum:
    """One folder: relative to that of the queues with `/`, "" for itself. `size` in bytes; `oldest_ns`: since when the
    oldest message lies there, by the clock of who keeps the files, None where there is no message. `begun`: messages
    among them that the portal began to move, and that no mail server sees until it went on."""

    queue: str
    messages: int
    size: int
    oldest_ns: int | None
    begun: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """All of them. `unread`: folders that could not be listed, so that nobody knows what lies there; `more`: there is
    still more, which nobody counted."""

    queues: tuple[QueueSum, ...] = ()
    unread: tuple[str, ...] = ()
    more: bool = False

    @property
    def messages(self) -> int:
        """In all queues."""
        return sum(queue.messages for queue in self.queues)

    @property
    def size(self) -> int:
        """Bytes in all queues."""
        return sum(queue.size for queue in self.queues)

    @property
    def is_empty(self) -> bool:
        """Whether it is sure that nothing waits."""
        return not (self.messages or self.unread or self.more)

    @property
    def by_queue(self) -> dict[str, int]:
        """How many messages lie in each queue that has some."""
        return {queue.queue: queue.messages for queue in self.queues if queue.messages}


def is_message(profile: Profile, place: str, name: str) -> bool:
    """Whether a file of this name in a folder of the queues is a message: no lock, semaphore or file in the making, and
    nothing of the portal's but a message that it is moving. `place`: the folder as the profile knows it."""
    if name.startswith(PREFIX):
        moving = moving_name(name)
        return moving is not None and moving.step in (Moving.CLAIMED, Moving.COPIED)
    rule, _ = profile.rules_for(f"{place}/{name}")  # `classify` remembers paths, and these are of the moment
    return rule is None or rule.ruling.path_class != PathClass.NEVER


@dataclass(slots=True)
class _Sum:
    begun: int = 0
    messages: int = 0
    size: int = 0
    oldest_ns: int | None = None


@dataclass(slots=True)
class Count:
    """A tally in the making; its size does not grow with the messages."""

    sums: dict[str, _Sum] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    more: bool = False

    def enter(self, queue: str) -> None:
        """A folder was listed, whatever lies in it."""
        if len(self.sums) < MOST_QUEUES:
            self.sums.setdefault(queue, _Sum())

    def add(self, queue: str, size: int, mtime_ns: int, *, begun: bool) -> None:
        """A message in a folder that was entered."""
        known = self.sums.get(queue) or next(self.sums[above] for above in _above(queue) if above in self.sums)
        known.messages += 1
        known.begun += begun
        known.size += size
        known.oldest_ns = mtime_ns if known.oldest_ns is None else min(known.oldest_ns, mtime_ns)

    def tally(self) -> Tally:
        """What was counted."""
        queues = (
            QueueSum(name, one.messages, one.size, one.oldest_ns, one.begun) for name, one in sorted(self.sums.items())
        )
        return Tally(tuple(queues), tuple(sorted(self.unread)), self.more)


def _above(queue: str) -> Iterator[str]:
    while queue:
        queue = queue.rpartition("/")[0]
        yield queue
