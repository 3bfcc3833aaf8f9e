"""Reading a whole store: `check` proves every object, `rewrap` brings every key under the newest master key."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from replication.objects.disk import Disk, disk_errors, flush
from replication.objects.errors import ObjectDamaged
from replication.objects.layout import Shelves
from replication.objects.packs import Spot
from replication.objects.sealing import HEAD_SIZE, open_sealed, rewrapped_head


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many keys were wrapped anew, and a sentence on each object whose key could not be."""

    objects: int
    damaged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """How much was read and proven (bytes of content), and a sentence on each damaged object."""

    objects: int
    bytes: int
    damaged: tuple[str, ...]


def check(shelves: Shelves) -> Checked:
    """Read and prove every object; what goes meanwhile is none of the damaged."""
    sizes: list[int] = []
    damaged: list[str] = []
    for name, what, open_file in _everything(shelves):
        # gone meanwhile: purged, swept or moved to another pack
        with suppress(FileNotFoundError):
            try:
                with open_file() as file:
                    sizes.append(_proven_size(shelves, file, name, what))
            except ObjectDamaged as error:
                damaged.append(str(error))
    damaged += [str(error) for error in shelves.packs.damaged]
    return Checked(len(sizes), sum(sizes), tuple(damaged))


def rewrap(shelves: Shelves) -> Rewrapped:
    """Wrap every data key under the newest master key; the sealed content stays as it is."""
    damaged: list[str] = []
    count = int(shelves.names.rewrap())
    for secret in (False, True):
        for name, path in shelves.disk.loose_files(secret=secret):
            count += _rewrap_file(shelves, path, {name: 0}, damaged)
    for pack, index in shelves.packs.all().items():
        count += _rewrap_file(shelves, pack, {name: spot.offset for name, spot in index.items()}, damaged)
    damaged += [str(error) for error in shelves.packs.damaged]
    return Rewrapped(count, tuple(damaged))


def _everything(shelves: Shelves) -> Iterator[tuple[bytes, str, Callable[[], BinaryIO]]]:
    """Each object's name, what to call it, and how to open it."""
    for secret in (False, True):
        for name, path in shelves.disk.loose_files(secret=secret):
            yield name, _label(path, name), _opener(path)
    for pack, index in shelves.packs.all().items():
        for name, spot in index.items():
            yield name, _label(pack, name), _spot_opener(spot)


def _label(path: Path, name: bytes) -> str:
    return f"{name.hex()[:12]} in {path.parent.name}/{path.name[:12]}"


def _opener(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def _spot_opener(spot: Spot) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(spot.read())


def _proven_size(shelves: Shelves, file: BinaryIO, name: bytes, what: str) -> int:
    digest = hashlib.sha256()
    size = 0
    for chunk in open_sealed(file, shelves.ring, name, what=what):
        digest.update(chunk)
        size += len(chunk)
    if shelves.names.name(digest.hexdigest()) != name:
        raise ObjectDamaged(what, "its content is not what its name says")
    return size


def _rewrap_file(shelves: Shelves, path: Path, offsets: Mapping[bytes, int], damaged: list[str]) -> int:
    """Put new heads into a copy of one file and the copy in its place; answer how many heads."""
    heads: dict[int, bytes] = {}
    with suppress(FileNotFoundError), path.open("rb") as file:
        for name, offset in offsets.items():
            file.seek(offset)
            try:
                head = rewrapped_head(file.read(HEAD_SIZE), shelves.ring, name, what=_label(path, name))
            except ObjectDamaged as error:
                damaged.append(str(error))
            else:
                if head is not None:
                    heads[offset] = head
        if heads:
            _replace(shelves.disk, path, file, heads)
    return len(heads)


def _replace(disk: Disk, path: Path, file: BinaryIO, heads: Mapping[int, bytes]) -> None:
    with disk_errors(), disk.new_file() as copy:
        temporary = Path(copy.name)
        file.seek(0)
        shutil.copyfileobj(file, copy, 1 << 20)
        for offset, head in heads.items():
            copy.seek(offset)
            copy.write(head)
        flush(copy)
    with disk.alone():
        if path.exists():
            # its age stays what it is
            used_ns = path.stat().st_mtime_ns
            os.utime(temporary, ns=(used_ns, used_ns))
            disk.place([(temporary, path)])
    temporary.unlink(missing_ok=True)
