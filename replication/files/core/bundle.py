"""One gzip tar stream of many files, made once and sent to many nodes.

Members are named "0", "1", ... in the order given, so that no file name of the source ever meets a remote tar or
file system. Equal input makes equal bytes. Memory stays constant whatever the files' sizes.
"""

from __future__ import annotations

import tarfile
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
    """One file: `chunks` must yield exactly `size` bytes. `mtime_ns` is kept to the nanosecond by tars that can."""

    size: int
    chunks: Iterable[bytes]
    mtime_ns: int = 0


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
    for number, member in enumerate(members):
        header = _header(number, member)
        yield header
        yield from _content(number, member)
        padding = -member.size % BLOCK
        yield bytes(padding)
        written += len(header) + member.size + padding
    yield bytes(2 * BLOCK + -(written + 2 * BLOCK) % RECORD)


def _header(number: int, member: Member) -> bytes:
    info = tarfile.TarInfo(str(number))
    info.size = member.size
    info.mode = 0o600
    seconds, rest = divmod(member.mtime_ns, 1_000_000_000)
    if seconds >= 0:
        info.mtime = seconds
    if rest or seconds < 0:
        # spelled by hand: a float would lose digits
        sign, whole = ("-", -member.mtime_ns) if seconds < 0 else ("", member.mtime_ns)
        info.pax_headers = {"mtime": f"{sign}{whole // 1_000_000_000}.{whole % 1_000_000_000:09d}"}
    return info.tobuf(tarfile.PAX_FORMAT)


def _content(number: int, member: Member) -> Iterator[bytes]:
    left = member.size
    for chunk in member.chunks:
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
    if left:
        word = "more" if left < 0 else "fewer"
        raise WrongSize(f"member {number} delivered {word} bytes than the {member.size} it announced")


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
