"""What takes objects out of a store: purge, the secret area's retention, and the sweep of what nobody needs."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from pathlib import Path

from replication.objects.disk import Disk, disk_errors, flush_folder
from replication.objects.layout import Shelves
from replication.objects.packs import Spot, copy_pack

LEFTOVER_SECONDS = 86_400.0
SMALL_PACK = 1024 * 1024
MANY_PACKS = 32
"""When so many packs are below SMALL_PACK bytes, a sweep joins them."""
LEAST_AGE = timedelta(hours=1)
"""What was used later than that always stays, whatever is asked: its user may not have written down yet that it needs
it. Well above the time (FRESH_SECONDS) within which a second use leaves no mark."""

Index = Mapping[bytes, Spot]


@dataclass(frozen=True, slots=True)
class Removed:
    """What was (or, in a dry run, would be) removed; bytes as stored."""

    objects: int
    bytes: int


def purge(shelves: Shelves, ids: Iterable[str]) -> int:
    """Remove objects at once, wherever they lie; answer how many were there."""
    names = {shelves.names.name(id_) for id_ in ids}
    found: set[bytes] = set()
    with shelves.disk.alone():
        for name in names:
            for secret in (False, True):
                if _unlink(shelves.disk.loose_path(name, secret=secret)):
                    found.add(name)
        for pack, index in shelves.packs.all().items():
            doomed = names & index.keys()
            if doomed:
                _drop_from_pack(shelves.disk, pack, index, doomed)
                found |= doomed
        shelves.packs.refresh(force=True)
    return len(found)


def purge_secret(
    shelves: Shelves, older_than: timedelta, *, keep: Collection[str], most: int | None, dry_run: bool
) -> Removed:
    """Remove what lies in the secret area, was not used for so long and is not among `keep`; stop once `most` went."""
    kept = {shelves.names.name(id_) for id_ in keep}
    return _total(_sweep_loose(shelves.disk, kept, _limit(older_than), secret=True, dry_run=dry_run), most)


def sweep(
    shelves: Shelves, live_ids: Iterable[str], older_than: timedelta, *, most: int | None, dry_run: bool
) -> Removed:
    """Remove what is neither live nor young, stop once about `most` went, and join packs that became small."""
    live = {shelves.names.name(id_) for id_ in live_ids}
    limit = _limit(older_than)
    loose = (_sweep_loose(shelves.disk, live, limit, secret=secret, dry_run=dry_run) for secret in (False, True))
    packed = (
        _sweep_pack(shelves.disk, pack, index, index.keys() - live, limit, dry_run=dry_run)
        for pack, index in shelves.packs.all().items()
    )
    removed = _total(chain(chain.from_iterable(loose), packed), most)
    if not dry_run:
        shelves.disk.remove_leftovers(LEFTOVER_SECONDS)
        _join_small_packs(shelves)
    return removed


def _limit(older_than: timedelta) -> float:
    """What was last used before this moment (seconds since 1970) may go."""
    return time.time() - max(older_than, LEAST_AGE).total_seconds()


def _total(turns: Iterable[list[int]], most: int | None) -> Removed:
    """Go on, turn by turn (each answers the sizes of what it removed), until nothing is left or enough went."""
    sizes: list[int] = []
    for turn in turns:
        sizes += turn
        if most is not None and len(sizes) >= most:
            break
    return Removed(len(sizes), sum(sizes))


def _unlink(path: Path) -> bool:
    try:
        with suppress(FileNotFoundError):
            path.unlink()
            flush_folder(path.parent)
            return True
    except OSError:
        with disk_errors():
            raise
    return False


def _size_if_old(path: Path, limit: float) -> int | None:
    """The size of a file that was last used before `limit` (seconds since 1970)."""
    with suppress(FileNotFoundError):
        stat = path.stat()
        return stat.st_size if stat.st_mtime <= limit else None
    return None


def _sweep_loose(
    disk: Disk, live: Collection[bytes], limit: float, *, secret: bool, dry_run: bool
) -> Iterator[list[int]]:
    for name, path in disk.loose_files(secret=secret):
        if name in live or _size_if_old(path, limit) is None:
            continue
        with disk.alone():
            # again, now that nobody can come to count on it
            size = _size_if_old(path, limit)
            if size is not None and (dry_run or _unlink(path)):
                yield [size]


def _sweep_pack(
    disk: Disk, pack: Path, index: Index, doomed: Collection[bytes], limit: float, *, dry_run: bool
) -> list[int]:
    if not doomed or _size_if_old(pack, limit) is None:
        return []
    with disk.alone():
        if _size_if_old(pack, limit) is None:
            return []
        if not dry_run:
            _drop_from_pack(disk, pack, index, doomed)
    return [index[name].length for name in doomed]


def _drop_from_pack(disk: Disk, pack: Path, index: Index, doomed: Collection[bytes]) -> None:
    """Replace a pack by one without the doomed objects. The caller holds the store alone."""
    kept = [(name, spot) for name, spot in index.items() if name not in doomed]
    if kept:
        modified_ns = pack.stat().st_mtime_ns
        disk.place([copy_pack(disk, kept, modified_ns=modified_ns)])
    _unlink(pack)


def _join_small_packs(shelves: Shelves) -> None:
    with shelves.disk.alone():
        stats = {pack: pack.stat() for pack in shelves.packs.all()}
        small = [pack for pack, stat in stats.items() if stat.st_size < SMALL_PACK]
        if len(small) < MANY_PACKS:
            return
        indexes = shelves.packs.all()
        spots = {name: spot for pack in small for name, spot in indexes[pack].items()}
        newest = max(stats[pack].st_mtime_ns for pack in small)
        shelves.disk.place([copy_pack(shelves.disk, spots.items(), modified_ns=newest)])
        for pack in small:
            _unlink(pack)
        shelves.packs.refresh(force=True)
