"""Many objects at once: small ones are written together, in short transactions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import chain
from types import TracebackType

from replication.objects.rows import AT_ONCE, ContentRows, Put
from replication.objects.sealing import CHUNK, StoredObject, blocks

BYTES_AT_ONCE = 4 * CHUNK
"""So many bytes of content are written in one transaction."""


class Batch:
    """Takes objects as the store does; what it took is durable, and others see it, when the `with` block ends at the
    latest. After an error some of it may be stored, to which nothing refers.

    For one thread. Inside the block the batch itself (not the store) gives back what it took.
    """

    def __init__(self, rows: ContentRows) -> None:
        self._rows = rows
        self._pending: dict[str, Put] = {}
        self._bytes = 0

    def put(self, data: bytes, *, secret: bool = False) -> str:
        """Take content; answer its id. Content that is there already is only kept young."""
        if len(data) > CHUNK:
            return self.put_stream([data], secret=secret).id
        id_ = hashlib.sha256(data).hexdigest()
        former = self._pending.get(id_)
        if former is None:
            self._bytes += len(data)
        self._pending[id_] = Put(data, secret and (former is None or former.secret))
        if self._bytes >= BYTES_AT_ONCE or len(self._pending) >= AT_ONCE:
            self._write()
        return id_

    def put_stream(self, chunks: Iterable[bytes], *, secret: bool = False) -> StoredObject:
        """`put` in constant memory. What `chunks` raises passes, and nothing of it is stored."""
        pieces = blocks(chunks)
        first, final = next(pieces)
        if final:
            return StoredObject(self.put(first, secret=secret), len(first))
        return self._rows.write_stream(chain([(first, final)], pieces), secret=secret)

    def has(self, id_: str) -> bool:
        """Whether it is stored, or held here until the block ends."""
        return id_ in self._pending or self._rows.has(id_)

    def lacks(self, ids: Iterable[str], *, trusted_seconds: float = 0.0) -> set[str]:
        """Those that are neither stored, nor held here until the block ends. `trusted_seconds`: what this process found
        stored so lately is not asked about again."""
        return self._rows.lacks(set(ids) - self._pending.keys(), trusted_seconds=trusted_seconds)

    def get(self, id_: str) -> bytes:
        """The content, also of what this batch holds. Raises ObjectMissing, ObjectDamaged, ValueError (no id)."""
        return b"".join(self.stream(id_))

    def stream(self, id_: str) -> Iterator[bytes]:
        """The content in pieces of at most 1 MiB, each proven; errors as `get`, at the latest after the last one."""
        held = self._pending.get(id_)
        return iter([held.data]) if held else self._rows.content(id_)

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._write()

    def _write(self) -> None:
        self._rows.write({self._rows.names.name(id_): put for id_, put in self._pending.items()})
        self._pending, self._bytes = {}, 0
