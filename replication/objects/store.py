"""Store: content by its SHA-256, compressed and encrypted, for many threads, processes and hosts at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import timedelta
from typing import Protocol

from replication.objects import garbage_collection, verify
from replication.objects.batch import Batch
from replication.objects.keys import Masters, VaultMasters
from replication.objects.rows import ContentRows
from replication.objects.sealing import StoredObject


class Objects(Protocol):
    """What takes and gives objects: a Store, or a Batch inside its block."""

    def put(self, data: bytes, *, secret: bool = False) -> str:
        """Store content; answer its id. `secret`: it has the shorter retention."""
        ...

    def put_stream(self, chunks: Iterable[bytes], *, secret: bool = False) -> StoredObject:
        """`put` in constant memory."""
        ...

    def get(self, id_: str) -> bytes:
        """The content. Raises ObjectMissing, ObjectDamaged, ValueError (no id)."""
        ...

    def stream(self, id_: str) -> Iterator[bytes]:
        """The content in pieces, each proven."""
        ...

    def has(self, id_: str) -> bool:
        """Whether it is stored."""
        ...

    def lacks(self, ids: Iterable[str], *, trusted_seconds: float = 0.0) -> set[str]:
        """Those that are not stored. `trusted_seconds`: what was found stored so lately is not asked about again."""
        ...


class Store:
    """The contents in the database. An id is the SHA-256 of the content in lower-case hex.

    What is put inside a transaction is stored with it, or not at all. Content that was put with `secret=True` and never
    without has a shorter retention. All methods raise StoreUnusable and KeyNotHeld where the store's own key is gone
    or not to be opened, WrongKey where the key file is gone, and what the database raises.
    """

    def __init__(self, masters: Masters | None = None) -> None:
        self._rows = ContentRows(masters or VaultMasters())

    def put(self, data: bytes, *, secret: bool = False) -> str:
        """Store content, durably when this returns; answer its id. Putting it again does nothing but keep it young."""
        with self.batch() as batch:
            return batch.put(data, secret=secret)

    def put_stream(self, chunks: Iterable[bytes], *, secret: bool = False) -> StoredObject:
        """`put` in constant memory. What `chunks` raises passes, and nothing is stored."""
        with self.batch() as batch:
            return batch.put_stream(chunks, secret=secret)

    def get(self, id_: str) -> bytes:
        """The content. Raises ObjectMissing, ObjectDamaged, ValueError (no id)."""
        return b"".join(self.stream(id_))

    def stream(self, id_: str) -> Iterator[bytes]:
        """The content in pieces of at most 1 MiB, each proven; errors as `get`, at the latest after the last one."""
        return self._rows.content(id_)

    def streams(self, sizes: Iterable[tuple[str, int]]) -> Iterator[Iterator[bytes]]:
        """`stream` for each of many, in turn, by few queries. `sizes`: ids, and how many bytes each has."""
        return self._rows.contents(sizes)

    def has(self, id_: str) -> bool:
        """Whether it is stored; if so it is kept young, so that a sweep at this moment leaves it."""
        return self._rows.has(id_)

    def lacks(self, ids: Iterable[str], *, trusted_seconds: float = 0.0) -> set[str]:
        """Those of these objects that are not stored, or do not open; asked in few queries, and none is kept young.
        `trusted_seconds`: what this process found stored so lately is not asked about again."""
        return self._rows.lacks(ids, trusted_seconds=trusted_seconds)

    def whole(self, ids: Iterable[str], *, trusted_seconds: float, progress: Callable[[int], None]) -> set[str]:
        """Those of these objects that are stored, every byte of them; asked and read in few queries, and kept young.
        `trusted_seconds`: what this process read to its end so lately is asked for, but not read again; `progress`:
        told the bytes read."""
        return self._rows.whole(ids, trusted_seconds=trusted_seconds, progress=progress)

    def batch(self) -> Batch:
        """`with store.batch() as batch: batch.put(...)`: many puts, written together, durable at its end."""
        return Batch(self._rows)

    def purge(self, ids: Iterable[str]) -> int:
        """Remove objects for good; answer how many were there."""
        return garbage_collection.purge(self._rows, ids)

    def purge_secret(
        self, older_than: timedelta, *, keep: Collection[str] = (), most: int | None = None, dry_run: bool = False
    ) -> garbage_collection.Removed:
        """Remove secret objects that were not used for so long (an hour at least), except those to `keep`; stop once
        `most` went."""
        return garbage_collection.purge_secret(self._rows, older_than, keep=keep, most=most, dry_run=dry_run)

    def sweep(
        self, live_ids: Iterable[str], older_than: timedelta, *, most: int | None = None, dry_run: bool = False
    ) -> garbage_collection.Removed:
        """Remove what is not live and was not put or asked for in `older_than` (an hour at least), and stop once `most`
        went; remove what killed writers left."""
        return garbage_collection.sweep(self._rows, live_ids, older_than, most=most, dry_run=dry_run)

    def rewrap(self) -> verify.Rewrapped:
        """After a rotation: wrap every data key under the newest master key. Content is not touched.

        The former key may leave the key file once a run answers that nothing was left to do.
        """
        return verify.rewrap(self._rows)

    def check(self) -> verify.Checked:
        """Read and prove every object."""
        return verify.check(self._rows)
