"""The sealed form of one object.

    head    "CPOB", version 1, nonce prefix (4), wrapped data key (68)
    chunks  length, its top bit set on the final one (4), then AES-256-GCM of: one byte (0 as it is, 1 zlib), content

A chunk holds at most 1 MiB of content. Its nonce is the prefix and the chunk's number; its additional data are the
version, the number and whether it is the final one, so that nothing can be cut off, repeated or reordered. The data
key belongs to this object alone and is wrapped together with head and name: a whole object under another name
does not open. Binding the name there, and not to each chunk, lets a stream be sealed before its id is known, and
a rotation rewrite the head only.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from replication.objects.errors import ObjectDamaged
from replication.objects.keys import KEY_SIZE, WRAPPED_SIZE, KeyRing

MAGIC = b"CPOB"
VERSION = 1
CHUNK = 1024 * 1024
PREFIX_SIZE = 4
FIXED = len(MAGIC) + 1 + PREFIX_SIZE
HEAD_SIZE = FIXED + WRAPPED_SIZE
FINAL = 1 << 31
LARGEST = CHUNK + 1 + 16
PLAIN, ZLIB = b"\0", b"\1"
LEVEL = 1
"""zlib's fastest: configuration shrinks to a third with it, and higher levels gain little for twice the time."""
RETRY_EVERY = 8
"""After a chunk that did not shrink, how many follow uncompressed before the next attempt."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What was stored: its id (SHA-256 of the content, lower-case hex) and its size in bytes."""

    id: str
    size: int


class Sealer:
    """Seals one object, chunk by chunk; the head, which needs the name, comes last."""

    def __init__(self) -> None:
        self._key = os.urandom(KEY_SIZE)
        self._box = AESGCM(self._key)
        self._fixed = MAGIC + bytes([VERSION]) + os.urandom(PREFIX_SIZE)
        self._number = 0
        self._next_attempt = 0

    def chunk(self, content: bytes, *, final: bool) -> bytes:
        """The next chunk's stored form."""
        body = self._packed(content)
        nonce, bound = _place(self._fixed, self._number, final)
        sealed = self._box.encrypt(nonce, body, bound)
        self._number += 1
        return struct.pack(">I", len(sealed) | (FINAL if final else 0)) + sealed

    def head(self, ring: KeyRing, name: bytes) -> bytes:
        """The header: magic, version, prefix of the nonces, and the data key wrapped for this name."""
        return self._fixed + ring.wrap(self._key, self._fixed + name)

    def _packed(self, content: bytes) -> bytes:
        if self._number >= self._next_attempt:
            packed = zlib.compress(content, LEVEL)
            if len(packed) < len(content):
                return ZLIB + packed
            self._next_attempt = self._number + RETRY_EVERY
        return PLAIN + content


def seal_small(content: bytes, ring: KeyRing, name: bytes) -> bytes:
    """The whole stored form of at most CHUNK bytes."""
    sealer = Sealer()
    body = sealer.chunk(content, final=True)
    return sealer.head(ring, name) + body


def seal_stream(chunks: Iterable[bytes], write: Callable[[bytes], object]) -> tuple[Sealer, StoredObject]:
    """Seal by `write`, leaving room for the head that the caller writes once it has the name."""
    sealer = Sealer()
    digest = hashlib.sha256()
    size = 0
    write(bytes(HEAD_SIZE))
    for block, final in blocks(chunks):
        digest.update(block)
        size += len(block)
        write(sealer.chunk(block, final=final))
    return sealer, StoredObject(digest.hexdigest(), size)


def blocks(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The same bytes in blocks of CHUNK (the last may be shorter; alone, even empty), each with whether it is last."""
    held = bytearray()
    for chunk in chunks:
        # in slices, so that one huge chunk is not copied again and again
        for start in range(0, len(chunk), CHUNK):
            held += chunk[start : start + CHUNK]
            if len(held) > CHUNK:
                yield bytes(held[:CHUNK]), False
                del held[:CHUNK]
    yield bytes(held), True


def open_sealed(file: BinaryIO, ring: KeyRing, name: bytes, *, what: str) -> Iterator[bytes]:
    """The content, chunk by chunk, each proven before it is handed out. Raises ObjectDamaged.

    Only the end proves that nothing is missing there, so use nothing of it before the last chunk has come.
    """
    head = _take(file, HEAD_SIZE, what)
    if len(head) < HEAD_SIZE or head[: len(MAGIC)] != MAGIC or head[len(MAGIC)] != VERSION:
        raise ObjectDamaged(what, "its head is cut off or of another form")
    fixed = head[:FIXED]
    box = AESGCM(ring.unwrap(head[FIXED:], fixed + name, what=what))
    number, final = 0, False
    while not final:
        sealed, final = _read_chunk(file, what)
        yield _open_chunk(box, fixed, number, sealed, final, what)
        number += 1
    if _take(file, 1, what):
        raise ObjectDamaged(what, "something follows its end")


def rewrapped_head(head: bytes, ring: KeyRing, name: bytes, *, what: str) -> bytes | None:
    """The head with its data key under the newest master key; None if it is so already. Raises ObjectDamaged."""
    if len(head) != HEAD_SIZE:
        raise ObjectDamaged(what, "its head is cut off")
    fixed, wrapped = head[:FIXED], head[FIXED:]
    if ring.is_newest(wrapped):
        return None
    return fixed + ring.wrap(ring.unwrap(wrapped, fixed + name, what=what), fixed + name)


def _place(fixed: bytes, number: int, final: bool) -> tuple[bytes, bytes]:
    """A chunk's nonce and additional data."""
    return fixed[-PREFIX_SIZE:] + struct.pack(">Q", number), fixed + struct.pack(">Q?", number, final)


def _read_chunk(file: BinaryIO, what: str) -> tuple[bytes, bool]:
    prefix = _take(file, 4, what)
    if len(prefix) < 4:
        raise ObjectDamaged(what, "its end is missing")
    (length,) = struct.unpack(">I", prefix)
    final = bool(length & FINAL)
    length &= ~FINAL
    if length > LARGEST:
        raise ObjectDamaged(what, "a part of it claims an impossible length")
    sealed = _take(file, length, what)
    if len(sealed) < length:
        raise ObjectDamaged(what, "its end is missing")
    return sealed, final


def _take(file: BinaryIO, length: int, what: str) -> bytes:
    try:
        return file.read(length)
    except OSError as error:
        raise ObjectDamaged(what, f"it cannot be read ({error.strerror})") from error


def _open_chunk(box: AESGCM, fixed: bytes, number: int, sealed: bytes, final: bool, what: str) -> bytes:
    nonce, bound = _place(fixed, number, final)
    try:
        body = box.decrypt(nonce, sealed, bound)
    except InvalidTag as error:
        raise ObjectDamaged(what, f"its part {number + 1} was changed or is out of place") from error
    return body[1:] if body[:1] == PLAIN else _unpacked(body[1:], what)


def _unpacked(packed: bytes, what: str) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, CHUNK)
    except zlib.error as error:
        raise ObjectDamaged(what, "it does not decompress") from error
    if not unpacker.eof or unpacker.unused_data:
        raise ObjectDamaged(what, "it does not decompress to what it should")
    return content
