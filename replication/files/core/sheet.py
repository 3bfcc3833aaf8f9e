"""A listing as it came from its node, and in what two of them differ, without reading what they share. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from nodes.errors import OutputUnreadable
from nodes.platforms.base import ListedFile, Listing, RecordForm

MOST_MOVED = 1000
"""Records in which two listings may differ; where more do, reading all is no slower."""

PIECE = 64 * 1024
"""Bytes of records that are read at once, at least."""


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
        start = 0
        while start < len(self.raw):
            stop = self.raw.find(self.form.end, start + PIECE) + 1 or len(self.raw)
            yield from self.form.parse(self.raw[start:stop]).files
            start = stop

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
        if self.form is not earlier.form:
            return None
        if self.raw == earlier.raw:
            return Moved({}, {})
        mine, others = self.raw.split(self.form.end), earlier.raw.split(self.form.end)
        now, then = set(mine), set(others)
        if len(now) != len(mine) or len(now ^ then) > MOST_MOVED:
            return None
        gone, come = self._entries(then - now), self._entries(now - then)
        if gone is None or come is None or any(earlier.entry(path) for path in come.keys() - gone.keys()):
            return None  # the last: it is named twice
        return Moved(gone, come)

    def _entries(self, records: Iterable[bytes]) -> dict[str, ListedFile] | None:
        """What single records say; None where that is no entry, or one of a name that cannot be spelled."""
        try:
            listing = self.form.parse(b"".join(record + self.form.end for record in sorted(records)))
        except OutputUnreadable:
            return None
        entries = {file.path: file for file in listing.files}
        strange = listing.unreadable or any(file.path_bytes is not None for file in listing.files)
        return None if strange or len(entries) != len(listing.files) else entries
