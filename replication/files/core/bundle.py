"""One gzip tar stream of many files, made once and sent to many nodes.

Equal input makes equal bytes. Memory stays constant whatever the files' sizes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

BLOCK = 512
RECORD = 20 * BLOCK
"""tar pads its end to a whole record."""
PIECE = 256 * 1024
"""Bytes gathered before they are compressed."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file: `name` relative, with `/`; `chunks` must yield exactly `size` bytes. `mtime`: seconds since 1970."""

    name: str
    size: int
    chunks: Iterable[bytes]
    mtime: int = 0


class WrongSize(ValueError):
    """A member delivered more or fewer bytes than it said. The stream is of no use."""


def bundle(members: Iterable[Member], *, level: int = 1) -> Iterator[bytes]:
    """The stream, in pieces. `level` is gzip's: 1 (fast) to 6 (small). Raises WrongSize."""
    if not 1 <= level <= 6:
        raise ValueError(f"the compression level must be 1 to 6, not {level}")
    # 31: a gzip wrapper, whose header zlib writes without a time
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    for piece in _gather(_tar(members)):
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()


def _tar(members: Iterable[Member]) -> Iterator[bytes]:
    written = 0
    for member in members:
        header = _header(member)
        yield header
        yield from _content(member)
        padding = -member.size % BLOCK
        yield bytes(padding)
        written += len(header) + member.size + padding
    yield bytes(2 * BLOCK + -(written + 2 * BLOCK) % RECORD)


_LONGEST_NAME = 100
_LONG_NAME = b"././@LongLink"
"""GNU's form, which others read as well: a member whose content is the next one's name."""


def _header(member: Member) -> bytes:
    name = member.name.encode()
    if len(name) <= _LONGEST_NAME:
        return _block(name, member.size, member.mtime, b"0")
    padded = name + bytes(BLOCK - len(name) % BLOCK)
    return b"".join(
        (
            _block(_LONG_NAME, len(name) + 1, 0, b"L"),
            padded,
            _block(name[:_LONGEST_NAME], member.size, member.mtime, b"0"),
        )
    )


def _block(name: bytes, size: int, mtime: int, kind: bytes) -> bytes:
    """One header, spelled by hand: the library takes ten times as long."""
    owner = b"0000000\0"
    length = b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    start = b"".join((name.ljust(100, b"\0"), b"0000600\0", owner, owner, length, b"%011o\0" % mtime))
    rest = (kind + bytes(100) + b"ustar  \0").ljust(BLOCK - 156, b"\0")
    # the sum counts its own place as spaces
    return start + b"%06o\0 " % (sum(start) + sum(rest) + 8 * ord(" ")) + rest


def _content(member: Member) -> Iterator[bytes]:
    left = member.size
    for chunk in member.chunks:
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
    if left:
        word = "more" if left < 0 else "fewer"
        raise WrongSize(f"{member.name} delivered {word} bytes than the {member.size} it announced")


def _gather(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of about PIECE; compressing tiny ones by themselves is slow."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)
