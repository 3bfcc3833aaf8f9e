"""A listing as it came from its node, and in what two of them differ, without reading what they share. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from nodes.errors import OutputUnreadable
from nodes.platforms.base import ListedFile, Listing, RecordForm

MOST_MOVED = 1000
"""Records in which two listings may differ; where more do, reading all is no slower."""

PIECE = 64 * 1024
"""Bytes of records that are read at once, at least."""

STEP = 4096
"""Bytes that are compared at once where two listings may be the same."""

FEW = 16
"""Entries that are searched for one by one: for more of them one reading of all is faster."""


class WalkRecords:
    """The form of listings that were not given as records: those that were walked over SFTP, which tells no change
    times."""

    end = b"\0"

    def mark(self, path: str) -> bytes:
        """The last field and the end."""
        return b"\t" + path.encode("utf-8") + self.end

    def parse(self, records: bytes) -> Listing:
        """What they say."""
        fields = (record.split("\t", 3) for record in records.decode("utf-8").split("\0")[:-1])
        return Listing(tuple(ListedFile(path, kind, int(size), int(mtime)) for kind, size, mtime, path in fields))


WALK_RECORDS = WalkRecords()


def walked(listing: Listing) -> Sheet | None:
    """A walked listing as records; None where something could not be listed, or has a name that cannot be spelled."""
    if listing.unreadable or listing.vanished or any(file.path_bytes is not None for file in listing.files):
        return None
    records = (f"{file.kind}\t{file.size}\t{file.mtime_ns}\t{file.path}\0" for file in listing.files)
    try:
        return Sheet("".join(records).encode("utf-8"), WALK_RECORDS)
    except UnicodeEncodeError:
        return None


@dataclass(frozen=True, slots=True)
class Moved:
    """The entries in which one listing differs from another, by path: as they were, and as they are."""

    then: Mapping[str, ListedFile]
    now: Mapping[str, ListedFile]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole listing that complained of nothing, as its node gave it. `steady`: the one before was the same."""

    raw: bytes
    form: RecordForm
    steady: bool = False

    def entries(self) -> Iterator[ListedFile]:
        """All that is listed, read piece by piece: as values it takes far more memory than as bytes."""
        for piece in _pieces(self.raw, self.form.end):
            yield from self.form.parse(piece).files

    def entries_at(self, paths: Collection[str]) -> dict[str, ListedFile]:
        """What is listed at these paths, spelled as the node spells them; nothing of a path where nothing is."""
        if len(paths) > FEW:
            return self._read_for(paths)
        entries = ((path, self.entry(path)) for path in paths)
        return {path: entry for path, entry in entries if entry}

    def entry(self, path: str) -> ListedFile | None:
        """What is listed at a path, spelled as the node spells it; None where nothing is."""
        mark, end = self.form.mark(path), self.form.end
        at = self.raw.find(mark)
        while at >= 0:
            start = self.raw.rfind(end, 0, at) + 1
            stop = self.raw.find(end, at + 1) + 1
            for file in self.form.parse(self.raw[start:stop]).files:
                if file.path == path:
                    return file
            at = self.raw.find(mark, at + 1)
        return None

    def moved_since(self, earlier: Sheet) -> Moved | None:
        """In what it differs from an earlier one; None where that is too much, or not understood: read all of it."""
        records = _differing(self, earlier) if self.form is earlier.form else None
        if records is None or sum(map(len, records)) > MOST_MOVED:
            return None
        then, now = map(self._entries, records)
        if then is None or now is None or earlier.entries_at(now.keys() - then.keys()):
            return None  # the last: it is named twice
        return Moved(then, now)

    def _read_for(self, paths: Collection[str]) -> dict[str, ListedFile]:
        """The same, by one reading of all records: each is told from most others by what follows its last tab."""
        ends = {_last_field(self.form.mark(path).removesuffix(self.form.end)) for path in paths}
        found = {}
        for piece in _pieces(self.raw, self.form.end):
            records = [record for record in piece.split(self.form.end) if _last_field(record) in ends]
            listing = self.form.parse(b"".join(record + self.form.end for record in records))
            found.update({file.path: file for file in listing.files})
        return {path: found[path] for path in paths if path in found}

    def _entries(self, records: Iterable[bytes]) -> dict[str, ListedFile] | None:
        """What single records say; None where that is no entry, or one of a name that cannot be spelled."""
        try:
            listing = self.form.parse(b"".join(record + self.form.end for record in sorted(records)))
        except OutputUnreadable:
            return None
        entries = {file.path: file for file in listing.files}
        strange = listing.unreadable or any(file.path_bytes is not None for file in listing.files)
        return None if strange or len(entries) != len(listing.files) else entries


def _last_field(record: bytes) -> bytes:
    return record.rpartition(b"\t")[2].rstrip(b"\r")


def _pieces(raw: bytes, end: bytes) -> Iterator[bytes]:
    """Whole records, some at a time."""
    start = 0
    while start < len(raw):
        stop = raw.find(end, start + PIECE) + 1 or len(raw)
        yield raw[start:stop]
        start = stop


def _differing(now: Sheet, earlier: Sheet) -> tuple[set[bytes], set[bytes]] | None:
    """The records that only the earlier one holds, and those that only this one holds; None where one comes twice.
    What both begin with, and end with, is not taken apart; of the rest, what both hold is let go of as it is met."""
    end = now.form.end
    first = _same_start(now.raw, earlier.raw, end)
    mine, others = now.raw[first:], earlier.raw[first:]
    last = _same_end(mine, others, end)
    pieces = (_pieces(raw[: len(raw) - last], end) for raw in (others, mine))
    then, come = set[bytes](), set[bytes]()
    for before, piece in zip_longest(*pieces, fillvalue=b""):
        records = piece.split(end)
        here = set(records)
        if len(here) != len(records):
            return None
        then.update(before.split(end))
        come |= here
        both = then & come
        then -= both
        come -= both
    return then, come


def _same_start(raw: bytes, other: bytes, end: bytes) -> int:
    """Bytes of records that both begin with."""
    at = 0
    while raw[at : at + STEP] == other[at : at + STEP] and at < len(raw):
        at += STEP
    return raw.rfind(end, 0, at) + 1


def _same_end(raw: bytes, other: bytes, end: bytes) -> int:
    """Bytes of records that both end with."""
    back = STEP
    while back <= min(len(raw), len(other)) and _piece_before_end(raw, back) == _piece_before_end(other, back):
        back += STEP
    return len(raw) - (raw.find(end, len(raw) - back + STEP) + 1 or len(raw))


def _piece_before_end(raw: bytes, back: int) -> bytes:
    return raw[len(raw) - back : len(raw) - back + STEP]
