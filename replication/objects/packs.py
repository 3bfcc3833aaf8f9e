"""Pack files: many small sealed objects in one file, with an index at its end.

    head    "CPOP", version 1
    sealed objects, one after another
    index   a row an object, sorted: name (32), offset (8), length (4)
    foot    offset of the index (8), rows (4), SHA-256 of the index (32), "CPOP"

The index needs no secrecy (names are HMACs) and no trust: an object that is not what its name says does not open.
A pack never changes under its name except that rotation replaces heads in place, at equal length.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from replication.objects.disk import (
    PACKS,
    Disk,
    disk_errors,
    flush,
)
from replication.objects.errors import ObjectDamaged

HEAD = b"CPOP\x01"
ROW = struct.Struct(">32sQI")
FOOT = struct.Struct(">QI32s4s")
SETTLED_NS = 2_000_000_000
"""A folder whose time is nearer to its listing than this may have changed since without showing it."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in a pack a sealed object lies, in bytes."""

    pack: Path
    offset: int
    length: int

    def read(self) -> bytes:
        """The sealed object. Raises FileNotFoundError where the pack is gone."""
        descriptor = os.open(self.pack, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(descriptor, self.length, self.offset)
        finally:
            os.close(descriptor)


class PackWriter:
    """A pack being written under `.tmp`. For one thread at a time."""

    def __init__(self, disk: Disk) -> None:
        self._rows: dict[bytes, tuple[int, int]] = {}
        self._final = disk.root / PACKS / f"{secrets.token_hex(16)}.pack"
        self._file: BinaryIO = disk.new_file()
        self._file.write(HEAD)
        self.size = len(HEAD)

    def add(self, name: bytes, sealed: bytes) -> None:
        """Append one object."""
        with disk_errors():
            self._file.write(sealed)
        self._rows[name] = (self.size, len(sealed))
        self.size += len(sealed)

    def __contains__(self, name: bytes) -> bool:
        return name in self._rows

    def find(self, name: bytes) -> bytes | None:
        """What was added under the name."""
        if name not in self._rows:
            return None
        offset, length = self._rows[name]
        self._file.flush()
        return os.pread(self._file.fileno(), length, offset)

    def finish(self, *, modified_ns: int | None = None) -> tuple[Path, Path]:
        """Complete and flush it; answer where it is and where it belongs. `modified_ns`: its age if not new."""
        index = b"".join(ROW.pack(name, *self._rows[name]) for name in sorted(self._rows))
        with disk_errors(), self._file as file:
            file.write(index + FOOT.pack(self.size, len(self._rows), hashlib.sha256(index).digest(), HEAD[:4]))
            flush(file)
            if modified_ns is not None:
                os.utime(file.name, ns=(modified_ns, modified_ns))
        return Path(self._file.name), self._final

    def discard(self) -> None:
        """Drop it; fine when it was finished and placed."""
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)


def read_index(pack: Path) -> Mapping[bytes, Spot]:
    """Where a pack's objects lie, by name. Raises ObjectDamaged, FileNotFoundError."""
    what = f"pack {pack.name}"
    with pack.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < len(HEAD) + FOOT.size:
            raise ObjectDamaged(what, "its end is missing")
        file.seek(size - FOOT.size)
        start, rows, digest, magic = FOOT.unpack(file.read(FOOT.size))
        if magic != HEAD[:4] or start + rows * ROW.size + FOOT.size != size:
            raise ObjectDamaged(what, "its end is missing or was changed")
        file.seek(start)
        index = file.read(rows * ROW.size)
    if hashlib.sha256(index).digest() != digest:
        raise ObjectDamaged(what, "its index was changed")
    return {name: Spot(pack, offset, length) for name, offset, length in ROW.iter_unpack(index)}


class Packs:
    """The packs of a store as this process knows them. Packs that other processes add or replace are found."""

    def __init__(self, disk: Disk) -> None:
        self._folder = disk.root / PACKS
        self._lock = threading.Lock()
        self._seen_ns = -1
        self._indexes: dict[str, Mapping[bytes, Spot]] = {}
        self._spots: dict[bytes, Spot] = {}
        self._damaged: dict[str, ObjectDamaged] = {}

    def __contains__(self, name: bytes) -> bool:
        return name in self._spots

    def find(self, name: bytes, *, look_again: bool = False) -> Spot | None:
        """Where an object lies; `look_again` lists the packs even if their folder seems unchanged."""
        spot = self._spots.get(name)
        if spot is None or look_again:
            self.refresh(force=look_again)
            spot = self._spots.get(name)
        return spot

    def all(self) -> Mapping[Path, Mapping[bytes, Spot]]:
        """Every readable pack's index, listed anew."""
        self.refresh(force=True)
        with self._lock:
            return {self._folder / file: index for file, index in self._indexes.items()}

    @property
    def damaged(self) -> tuple[ObjectDamaged, ...]:
        """Packs whose index cannot be read."""
        return tuple(self._damaged.values())

    def refresh(self, *, force: bool = False) -> None:
        """Learn of packs that came and went."""
        with self._lock:
            changed_ns = self._folder.stat().st_mtime_ns
            if changed_ns == self._seen_ns and not force:
                return
            settled = time.time_ns() - changed_ns > SETTLED_NS
            self._relist()
            self._seen_ns = changed_ns if settled else -1

    def _relist(self) -> None:
        present = {file for file in os.listdir(self._folder) if file.endswith(".pack")}  # noqa: PTH208 - names suffice
        for file in present - self._indexes.keys() - self._damaged.keys():
            self._learn(file)
        gone = self._indexes.keys() - present
        for file in gone:
            del self._indexes[file]
        for file in self._damaged.keys() - present:
            del self._damaged[file]
        if gone:
            # another pack may hold what a vanished one held
            self._spots = {name: spot for index in self._indexes.values() for name, spot in index.items()}

    def _learn(self, file: str) -> None:
        with suppress(FileNotFoundError):
            try:
                self._indexes[file] = index = read_index(self._folder / file)
            except ObjectDamaged as error:
                self._damaged[file] = error
            else:
                self._spots.update(index)


def copy_pack(disk: Disk, spots: Iterable[tuple[bytes, Spot]], *, modified_ns: int) -> tuple[Path, Path]:
    """A new pack with the objects of these spots, finished but not placed."""
    writer = PackWriter(disk)
    try:
        for name, spot in spots:
            writer.add(name, spot.read())
        return writer.finish(modified_ns=modified_ns)
    except BaseException:
        writer.discard()
        raise
