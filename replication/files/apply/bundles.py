"""The stream that many files travel in: built once a process, for all nodes that need the same set."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from replication.files.core.bundle import Member, bundle
from replication.files.work_context import WorkContext, living
from replication.objects import Store, StoredObject


class Item(NamedTuple):
    """One file of a stream: its name there, the object it holds, bytes, seconds since 1970."""

    name: str
    id: str
    size: int
    mtime: int


Contents = tuple[Item, ...]
"""What a stream holds, in its order."""

KEPT = 4
"""Bundles remembered: nodes that lack different files would build theirs again and again in turn."""

WAIT_SECONDS = 0.5
"""How often whoever waits for a bundle looks whether it grows."""


@dataclass(slots=True)
class _Builder:
    """The last bundles of this process, and who builds the next: one at a time. `taken`: chunks taken in so far."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    known: dict[Contents, StoredObject] = field(default_factory=dict)
    taken: int = 0

    @contextmanager
    def turn(self, guard: WorkContext) -> Iterator[None]:
        """Wait until nobody else builds. As long as the other's bundle grows, waiting for it is no standing still."""
        seen = -1
        while not self.lock.acquire(timeout=WAIT_SECONDS):
            if self.taken != seen:
                seen = self.taken
                guard.check()
        try:
            yield
        finally:
            self.lock.release()

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks, for all to see that they come."""
        for chunk in chunks:
            self.taken += 1
            yield chunk


_BUILDER = _Builder()


def bundle_of(store: Store, contents: Contents, guard: WorkContext) -> StoredObject:
    """The gzip stream of these objects, kept, encrypted, in the store. Raises what stops the guard's work."""
    with _BUILDER.turn(guard):
        known = _BUILDER.known.get(contents)
        if known is None or not store.has(known.id):
            streams = store.streams((item.id, item.size) for item in contents)
            members = (_member(item, chunks, guard) for item, chunks in zip(contents, streams, strict=True))
            known = store.put_stream(bundle(members), secret=True)
            kept = list(_BUILDER.known.items())[-KEPT + 1 :]
            _BUILDER.known = dict([*kept, (contents, known)])
    return known


def _member(item: Item, chunks: Iterable[bytes], guard: WorkContext) -> Member:
    return Member(item.name, item.size, _BUILDER.counted(living(chunks, guard)), item.mtime)
