"""Many objects at once: small ones share a pack, and everything becomes durable together at the end."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType

from replication.objects.layout import Pending, Shelves
from replication.objects.packs import PackWriter
from replication.objects.sealing import CHUNK, StoredObject, blocks, open_sealed, seal_small

SMALL = 64 * 1024
"""Objects below this size in bytes are packed."""
PACK_SIZE = 64 * 1024 * 1024
"""A pack that has grown to this size is followed by another."""


class Batch:
    """Takes objects as the store does; others see them when the `with` block ends, all or, after an error, none.

    Threads may share it. Inside the block the batch itself (not the store) gives back what it took.
    """

    def __init__(self, shelves: Shelves, *, pack: bool) -> None:
        self._shelves = shelves
        self._packs = pack
        self._lock = threading.Lock()
        self._writers: list[PackWriter] = []
        self._loose: dict[tuple[bytes, bool], Pending] = {}

    def put(self, data: bytes, *, secret: bool = False) -> str:
        """Hold content until the block ends; answer its id. Content that is there already is only kept young."""
        if len(data) > CHUNK:
            return self.put_stream([data], secret=secret).id
        id_ = hashlib.sha256(data).hexdigest()
        name = self._shelves.names.name(id_)
        if self._is_pending(name, secret=secret) or self._shelves.use(name, secret=secret):
            return id_
        sealed = seal_small(data, self._shelves.ring, name)
        if secret or len(data) >= SMALL or not self._packs:
            self._hold(self._shelves.write_small(name, sealed, secret=secret))
        else:
            self._pack(name, sealed)
        return id_

    def put_stream(self, chunks: Iterable[bytes], *, secret: bool = False) -> StoredObject:
        """`put` in constant memory. What `chunks` raises passes, and nothing of it is held."""
        pieces = blocks(chunks)
        first, final = next(pieces)
        if final:
            return StoredObject(self.put(first, secret=secret), len(first))
        stored, pending = self._shelves.write_stream(_rejoined(first, pieces), secret=secret)
        if self._is_pending(pending.name, secret=secret) or self._shelves.use(pending.name, secret=secret):
            pending.temporary.unlink()
        else:
            self._hold(pending)
        return stored

    def has(self, id_: str) -> bool:
        """Whether it is stored, or held here until the block ends."""
        name = self._shelves.names.name(id_)
        return any(
            self._is_pending(name, secret=secret) or self._shelves.use(name, secret=secret) for secret in (False, True)
        )

    def get(self, id_: str) -> bytes:
        """The content, also of what this batch holds. Raises ObjectMissing, ObjectDamaged, ValueError (no id)."""
        return b"".join(self.stream(id_))

    def stream(self, id_: str) -> Iterator[bytes]:
        """The content in chunks of at most 1 MiB, each proven; errors as `get`, at the latest after the last chunk."""
        name = self._shelves.names.name(id_)
        sealed = self._pending_bytes(name)
        if sealed is not None:
            yield from open_sealed(io.BytesIO(sealed), self._shelves.ring, name, what=id_[:12])
            return
        loose = self._loose.get((name, False)) or self._loose.get((name, True))
        if loose is None:
            yield from self._shelves.content(id_)
            return
        with loose.temporary.open("rb") as file:
            yield from open_sealed(file, self._shelves.ring, name, what=id_[:12])

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and (self._writers or self._loose):
                packs = [writer.finish() for writer in self._writers]
                self._shelves.place(self._loose.values(), packs)
        finally:
            for writer in self._writers:
                writer.discard()
            for pending in self._loose.values():
                pending.temporary.unlink(missing_ok=True)
            self._writers, self._loose = [], {}

    def _is_pending(self, name: bytes, *, secret: bool) -> bool:
        return (name, secret) in self._loose or (not secret and any(name in writer for writer in self._writers))

    def _pending_bytes(self, name: bytes) -> bytes | None:
        with self._lock:
            found = (writer.find(name) for writer in self._writers)
            return next((sealed for sealed in found if sealed is not None), None)

    def _hold(self, pending: Pending) -> None:
        with self._lock:
            former = self._loose.setdefault((pending.name, pending.secret), pending)
        if former is not pending:
            pending.temporary.unlink()

    def _pack(self, name: bytes, sealed: bytes) -> None:
        with self._lock:
            if any(name in writer for writer in self._writers):
                return
            if not self._writers or self._writers[-1].size >= PACK_SIZE:
                self._writers.append(PackWriter(self._shelves.disk))
            self._writers[-1].add(name, sealed)


def _rejoined(first: bytes, rest: Iterator[tuple[bytes, bool]]) -> Iterator[bytes]:
    yield first
    for block, _ in rest:
        yield block
