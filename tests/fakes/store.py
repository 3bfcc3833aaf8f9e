"""An object store in memory, for tests that are not about objects."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from replication.objects import ObjectMissing, StoredObject


class FakeStore:
    """`Store`, as far as jobs use it. A batch is the store itself: what is put counts at once."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def put(self, data: bytes, *, secret: bool = False) -> str:
        """See `Store.put`."""
        return self.put_stream([data], secret=secret).id

    def put_stream(self, chunks: Iterable[bytes], *, secret: bool = False) -> StoredObject:
        """See `Store.put_stream`."""
        content = b"".join(chunks)
        id_ = hashlib.sha256(content).hexdigest()
        self.contents[id_] = content
        return StoredObject(id_, len(content))

    def get(self, id_: str) -> bytes:
        """See `Store.get`."""
        if id_ not in self.contents:
            raise ObjectMissing(id_)
        return self.contents[id_]

    def stream(self, id_: str) -> Iterator[bytes]:
        """See `Store.stream`."""
        yield self.get(id_)

    def streams(self, sizes: Iterable[tuple[str, int]]) -> Iterator[Iterator[bytes]]:
        """See `Store.streams`."""
        return (self.stream(id_) for id_, _ in sizes)

    def has(self, id_: str) -> bool:
        """See `Store.has`."""
        return id_ in self.contents

    def lacks(self, ids: Iterable[str], *, trusted_seconds: float = 0.0) -> set[str]:
        """See `Store.lacks`."""
        return set(ids) - self.contents.keys()

    def whole(self, ids: Iterable[str], *, trusted_seconds: float, progress: Callable[[int], None]) -> set[str]:
        """See `Store.whole`."""
        return set(ids) & self.contents.keys()

    @contextmanager
    def batch(self) -> Iterator[FakeStore]:
        """See `Store.batch`."""
        yield self
