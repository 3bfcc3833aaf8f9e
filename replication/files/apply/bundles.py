"""The stream that many files travel in: built once a process, for all nodes that need the same set, and where it is
small, read once for all that take it at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from weakref import WeakValueDictionary

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

HELD_BYTES = 32 * 1024 * 1024
"""A stream of at most so many bytes is in memory as long as somebody sends it; a larger one is read for each."""

WAIT_SECONDS = 0.5
"""How often whoever waits for a bundle looks whether it grows."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class _Held:
    """A bundle's bytes."""

    pieces: tuple[bytes, ...]

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces


@dataclass(slots=True)
class _Builder:
    """The last bundles of this process, and who builds, or reads, the next: one at a time. `held`: by their ids, those
    that are being sent; `taken`: chunks taken in so far."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    known: dict[Contents, StoredObject] = field(default_factory=dict)
    held: WeakValueDictionary[str, _Held] = field(default_factory=WeakValueDictionary)
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


def sending(store: Store, stream: StoredObject, guard: WorkContext) -> Iterable[bytes]:
    """The bytes of a bundle, for one who holds on to what this answers until all is sent. Raises what the store raises,
    now or on the way, and what stops the guard's work."""
    if stream.size > HELD_BYTES:
        return store.stream(stream.id)
    with _BUILDER.turn(guard):
        held = _BUILDER.held.get(stream.id)
        if held is None:
            held = _Held(tuple(_BUILDER.counted(living(store.stream(stream.id), guard))))
            _BUILDER.held[stream.id] = held
    return held


def _member(item: Item, chunks: Iterable[bytes], guard: WorkContext) -> Member:
    return Member(item.name, item.size, _BUILDER.counted(living(chunks, guard)), item.mtime)
