"""Store: content by its SHA-256, compressed and encrypted, for many threads and processes at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from replication.objects import garbage_collection, verify
from replication.objects.batch import Batch
from replication.objects.keys import Masters, VaultMasters
from replication.objects.layout import Shelves
from replication.objects.sealing import StoredObject


class Objects(Protocol):
    """What takes and gives objects: a Store, or a Batch inside its block."""

    def put(self, data: bytes, *, secret: bool = False) -> str:
        """Store content; answer its id. `secret`: in the area with the shorter retention."""
        ...

    def put_stream(self, chunks: Iterable[bytes], *, secret: bool = False) -> StoredObject:
        """`put` in constant memory."""
        ...

    def get(self, id_: str) -> bytes:
        """The content. Raises ObjectMissing, ObjectDamaged, ValueError (no id)."""
        ...

    def stream(self, id_: str) -> Iterator[bytes]:
        """The content in chunks, each proven."""
        ...

    def has(self, id_: str) -> bool:
        """Whether it is stored."""
        ...


class Store:
    """One folder of objects. An id is the SHA-256 of the content in lower-case hex.

    Content put with `secret=True` lies in an area of its own with a shorter retention. The same content may lie in
    both areas: each has its own life. All methods raise StoreUnusable where the folder fails and WrongKey where
    the key file is gone.
    """

    def __init__(self, root: Path, masters: Masters | None = None) -> None:
        self._shelves = Shelves(root, masters or VaultMasters())

    def put(self, data: bytes, *, secret: bool = False) -> str:
        """Store content, durably when this returns; answer its id. Putting it again does nothing but keep it young."""
        with self.batch(pack=False) as batch:
            return batch.put(data, secret=secret)

    def put_stream(self, chunks: Iterable[bytes], *, secret: bool = False) -> StoredObject:
        """`put` in constant memory. What `chunks` raises passes, and nothing is stored."""
        with self.batch(pack=False) as batch:
            return batch.put_stream(chunks, secret=secret)

    def get(self, id_: str) -> bytes:
        """The content. Raises ObjectMissing, ObjectDamaged, ValueError (no id)."""
        return b"".join(self.stream(id_))

    def stream(self, id_: str) -> Iterator[bytes]:
        """The content in chunks of at most 1 MiB, each proven; errors as `get`, at the latest after the last chunk."""
        return self._shelves.content(id_)

    def has(self, id_: str) -> bool:
        """Whether it is stored; if so it is kept young, so that a sweep at this moment leaves it."""
        name = self._shelves.names.name(id_)
        return self._shelves.use(name, secret=False) or self._shelves.use(name, secret=True)

    def batch(self, *, pack: bool = True) -> Batch:
        """`with store.batch() as batch: batch.put(...)`: many puts, small ones packed together, durable at its end."""
        return Batch(self._shelves, pack=pack)

    def purge(self, ids: Iterable[str]) -> int:
        """Remove objects for good, wherever they lie; answer how many were there."""
        return garbage_collection.purge(self._shelves, ids)

    def purge_secret(
        self, older_than: timedelta, *, keep: Collection[str] = (), most: int | None = None, dry_run: bool = False
    ) -> garbage_collection.Removed:
        """Remove the secret area's objects that were not used for so long (an hour at least), except those to `keep`;
        stop once `most` went."""
        return garbage_collection.purge_secret(self._shelves, older_than, keep=keep, most=most, dry_run=dry_run)

    def sweep(
        self, live_ids: Iterable[str], older_than: timedelta, *, most: int | None = None, dry_run: bool = False
    ) -> garbage_collection.Removed:
        """Remove what is not live and was not put or asked for in `older_than` (an hour at least), and stop once about
        `most` went (a pack is done whole); join small packs."""
        return garbage_collection.sweep(self._shelves, live_ids, older_than, most=most, dry_run=dry_run)

    def rewrap(self) -> verify.Rewrapped:
        """After a rotation: wrap every data key under the newest master key. Content is not touched.

        The former key may leave the key file once a run answers that nothing was left to do.
        """
        return verify.rewrap(self._shelves)

    def check(self) -> verify.Checked:
        """Read and prove every object."""
        return verify.check(self._shelves)
