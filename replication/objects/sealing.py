"""The sealed form of one object.

    head    version 2 (1), nonce prefix (4), wrapped data key (68)
    parts   each AES-256-GCM of: one byte (0 as it is, 1 zlib), content

A part holds at most 1 MiB of content, every one but the last exactly so much. Its nonce is the prefix and the part's
number; its additional data are the version, the number and whether it is the final one, so that nothing can be cut off,
repeated or reordered. The data key belongs to this object alone and is wrapped together with head and name: a whole
object under another name does not open. Binding the name there, and not to each part, lets a stream be sealed before
its id is known, and a rotation rewrite the head only.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from replication.objects.errors import ObjectDamaged
from replication.objects.keys import KEY_SIZE, WRAPPED_SIZE, KeyRing

VERSION = 2
CHUNK = 1024 * 1024
PREFIX_SIZE = 4
FIXED = 1 + PREFIX_SIZE
HEAD_SIZE = FIXED + WRAPPED_SIZE
PLAIN, ZLIB = b"\0", b"\1"
LEVEL = 1
"""zlib's fastest: configuration shrinks to a third with it, and higher levels gain little for twice the time."""
RETRY_EVERY = 8
"""After a part that did not shrink, how many follow uncompressed before the next attempt."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What was stored: its id (SHA-256 of the content, lower-case hex) and its size in bytes."""

    id: str
    size: int


class Sealer:
    """Seals one object, part by part; the head, which needs the name, comes last."""

    def __init__(self) -> None:
        self._key = os.urandom(KEY_SIZE)
        self._box = AESGCM(self._key)
        self._fixed = bytes([VERSION]) + os.urandom(PREFIX_SIZE)
        self._number = 0
        self._next_attempt = 0

    def part(self, content: bytes, *, final: bool) -> bytes:
        """The next part's stored form."""
        body = self._packed(content)
        nonce, bound = _place(self._fixed, self._number, final)
        self._number += 1
        return self._box.encrypt(nonce, body, bound)

    def head(self, ring: KeyRing, name: bytes) -> bytes:
        """The header: version, prefix of the nonces, and the data key wrapped for this name."""
        return self._fixed + ring.wrap(self._key, self._fixed + name)

    def _packed(self, content: bytes) -> bytes:
        if self._number >= self._next_attempt:
            packed = zlib.compress(content, LEVEL)
            if len(packed) < len(content):
                return ZLIB + packed
            self._next_attempt = self._number + RETRY_EVERY
        return PLAIN + content


class Opener:
    """Opens the parts of one object. Raises ObjectDamaged, KeyNotHeld; `what` names the object in their sentences.

    Only the final part proves that nothing is missing there, so use nothing of it before that has come."""

    def __init__(self, head: bytes, ring: KeyRing, name: bytes, *, what: str) -> None:
        self._fixed, wrapped = _taken_apart(head, what)
        self._box = AESGCM(ring.unwrap(wrapped, self._fixed + name, what=what))
        self._what = what

    def part(self, number: int, sealed: bytes, *, final: bool) -> bytes:
        """The content of one part, proven."""
        nonce, bound = _place(self._fixed, number, final)
        try:
            body = self._box.decrypt(nonce, sealed, bound)
        except (InvalidTag, ValueError) as error:
            raise ObjectDamaged(self._what, f"its part {number + 1} was changed or is out of place") from error
        return body[1:] if body[:1] == PLAIN else _unpacked(body[1:], self._what)


def part_count(size: int) -> int:
    """How many parts a content of so many bytes has."""
    return max(1, -(-size // CHUNK))


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


def rewrapped_head(head: bytes, ring: KeyRing, name: bytes, *, what: str) -> bytes | None:
    """The head with its data key under the newest master key; None if it opens with that one already. Raises
    ObjectDamaged, KeyNotHeld."""
    fixed, wrapped = _taken_apart(head, what)
    key = ring.unwrap(wrapped, fixed + name, what=what)
    return None if ring.is_newest(wrapped) else fixed + ring.wrap(key, fixed + name)


def _taken_apart(head: bytes, what: str) -> tuple[bytes, bytes]:
    if len(head) != HEAD_SIZE or head[0] != VERSION:
        raise ObjectDamaged(what, "its head is cut off or of another form")
    return head[:FIXED], head[FIXED:]


def _place(fixed: bytes, number: int, final: bool) -> tuple[bytes, bytes]:
    """A part's nonce and additional data."""
    return fixed[-PREFIX_SIZE:] + struct.pack(">Q", number), fixed + struct.pack(">Q?", number, final)


def _unpacked(packed: bytes, what: str) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, CHUNK)
    except zlib.error as error:
        raise ObjectDamaged(what, "it does not decompress") from error
    if not unpacker.eof or unpacker.unused_data:
        raise ObjectDamaged(what, "it does not decompress to what it should")
    return content
