"""Where sealed objects are found and put: the part of the store that batch, upkeep and the store itself share."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from replication.objects.disk import (
    Disk,
    disk_errors,
    flush_path,
    freshen,
)
from replication.objects.errors import ObjectDamaged, ObjectMissing
from replication.objects.keys import KeyRing, Masters, Names
from replication.objects.packs import Packs
from replication.objects.sealing import StoredObject, open_sealed, seal_stream


@dataclass(frozen=True, slots=True)
class Pending:
    """A sealed object in a temporary file, not yet under its name."""

    temporary: Path
    name: bytes
    secret: bool


class Shelves:
    """The files of one store and the keys to them."""

    def __init__(self, root: Path, masters: Masters) -> None:
        self.disk = Disk(root)
        self.ring = KeyRing(masters)
        self.names = Names(self.disk, self.ring)
        self.packs = Packs(self.disk)

    def use(self, name: bytes, *, secret: bool) -> bool:
        """Whether the object is held in that area; if so it is marked as used, so that no sweep takes it now."""
        with self.disk.shared():
            if freshen(self.disk.loose_path(name, secret=secret)):
                return True
            return not secret and (self._use_packed(name, look_again=False) or self._use_packed(name, look_again=True))

    def _use_packed(self, name: bytes, *, look_again: bool) -> bool:
        spot = self.packs.find(name, look_again=look_again and name in self.packs)
        return spot is not None and freshen(spot.pack)

    def content(self, id_: str) -> Iterator[bytes]:
        """An object's content in proven chunks. Raises ObjectMissing, ObjectDamaged."""
        name = self.names.name(id_)
        what = id_[:12]
        with self._open(name) or self._open(name, look_again=True) or self._missing(id_) as file:
            digest = hashlib.sha256()
            for chunk in open_sealed(file, self.ring, name, what=what):
                digest.update(chunk)
                yield chunk
        if digest.hexdigest() != id_:
            raise ObjectDamaged(what, "its content is not what its id says")

    def _open(self, name: bytes, *, look_again: bool = False) -> BinaryIO | None:
        """The sealed object, from whichever area holds it."""
        spot = self.packs.find(name, look_again=look_again)
        try:
            if spot is not None:
                return io.BytesIO(spot.read())
            return self._open_loose(name)
        except FileNotFoundError:
            # a pack that was replaced since it was listed
            return None

    def _open_loose(self, name: bytes) -> BinaryIO | None:
        for secret in (False, True):
            path = self.disk.loose_path(name, secret=secret)
            if path.exists():
                return path.open("rb")
        return None

    def _missing(self, id_: str) -> BinaryIO:
        if self.packs.damaged:
            raise ObjectDamaged(id_[:12], f"it may lie in an unreadable pack ({self.packs.damaged[0].reason})")
        raise ObjectMissing(id_)

    def write_small(self, name: bytes, sealed: bytes, *, secret: bool) -> Pending:
        """Put a sealed object into a temporary file."""
        with disk_errors(), self.disk.new_file() as file:
            file.write(sealed)
            return Pending(Path(file.name), name, secret)

    def write_stream(self, chunks: Iterable[bytes], *, secret: bool) -> tuple[StoredObject, Pending]:
        """Seal a stream into a temporary file, in constant memory; what `chunks` raises passes, leaving nothing."""
        file = self.disk.new_file()
        temporary = Path(file.name)
        try:
            with file:
                sealer, stored = seal_stream(chunks, lambda data: _write(file, data))
                name = self.names.name(stored.id)
                file.seek(0)
                _write(file, sealer.head(self.ring, name))
                with disk_errors():
                    file.flush()
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return stored, Pending(temporary, name, secret)

    def place(self, pending: Iterable[Pending], packs: Iterable[tuple[Path, Path]] = ()) -> None:
        """Flush pending objects and give them (and finished packs) their names, durably."""
        moves = []
        for one in pending:
            flush_path(one.temporary)
            moves.append((one.temporary, self.disk.loose_path(one.name, secret=one.secret)))
        with self.disk.shared():
            self.disk.place(chain(moves, packs))


def _write(file: BinaryIO, data: bytes) -> None:
    with disk_errors():
        file.write(data)
