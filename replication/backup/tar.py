"""What a tar holds, read strictly: only what our own backups have in it. Python's module reads links, sparse files that
are huge and of nothing, names of any kind, and headers that change what others say; an archive may mean harm."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import IO

BLOCK = 512
MOST = 16
"""Headers; a backup has three members, and one of an older version a header more for each."""
MOST_NOTES = 8 * BLOCK
"""Bytes of such a header's own text. It is passed over: nothing of it counts."""
MOST_PADDING = 64 * BLOCK
FILE, NOTES = b"0", b"x"


class BadArchive(Exception):
    """The file is no backup, or not the whole and unchanged one; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Member:
    """Where the content of a member lies in the file, in bytes."""

    start: int
    size: int


def members_of(source: IO[bytes]) -> dict[str, Member]:
    """The members by name, each a plain file of a name without any other, all of them within the file. Raises
    BadArchive."""
    length = source.seek(0, os.SEEK_END)
    found: dict[str, Member] = {}
    at = 0
    for _ in range(MOST):
        header = _read(source, at, BLOCK)
        if not any(header):
            _refuse_more(source, at, length)
            return found
        name, kind, size = _taken_apart(header)
        start = at + BLOCK
        at = start + -(-size // BLOCK) * BLOCK
        if at > length:
            raise BadArchive(f"it is no whole backup: the end of {name!r} is missing")
        if kind == NOTES and size <= MOST_NOTES:
            continue
        if kind != FILE or name in found:
            raise BadArchive(f"the backup holds {name!r} as no backup of this portal does")
        found[name] = Member(start, size)
    raise BadArchive("the backup holds more than any backup of this portal")


def _read(source: IO[bytes], at: int, size: int) -> bytes:
    source.seek(at)
    data = source.read(size)
    if len(data) != size:
        raise BadArchive("it is no whole backup: its end is missing")
    return data


def _refuse_more(source: IO[bytes], at: int, length: int) -> None:
    if length - at > MOST_PADDING or any(_read(source, at, length - at)):
        raise BadArchive("the backup goes on after its end")


def _taken_apart(header: bytes) -> tuple[str, bytes, int]:
    """Name, kind and size. Raises BadArchive."""
    rest = header[:148] + b" " * 8 + header[156:]
    if header[257:262] != b"ustar" or _number(header[148:156]) != sum(rest) or any(header[345:]):
        raise BadArchive("it is no backup: one of its headers is of another form")
    name, _, padding = header[:100].partition(b"\0")
    if any(padding) or any(header[157:257]) or not name.isascii():
        raise BadArchive("the backup holds a name as no backup of this portal does")
    return name.decode("ascii"), header[156:157], _size(header[124:136])


def _size(field: bytes) -> int:
    # what eight digits of a kind cannot say is a binary number, marked by its first byte
    return int.from_bytes(field[1:], "big") if field[0] == 0x80 else _number(field)


def _number(field: bytes) -> int:
    digits = field.strip(b" \0")
    if not digits or digits.strip(b"01234567"):
        raise BadArchive("it is no backup: one of its headers has no number where one must be")
    return int(digits, 8)
