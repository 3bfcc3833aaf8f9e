"""Writing one new file over SFTP: exclusive, pipelined, flushed to disk, its size read back; nothing half stays."""

from __future__ import annotations

import hashlib
import struct
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from nodes.errors import NodeError, RemoteBusy, Unsupported
from nodes.remote.chunking import pieces
from nodes.remote.packets import Extension, Kind, OpenFlag, Reply, path_bytes, string
from nodes.remote.reading import open_file
from nodes.remote.session import Progress, Written
from nodes.remote.sftp import SftpChannel
from nodes.remote.sftp_errors import (
    accept,
    done,
    refusal,
    why_not_created,
    why_not_written,
)

CHUNK = 32 * 1024
AHEAD = 32
"""Writes in flight: 1 MiB."""

FLUSH_SECONDS = 60.0
"""A slow disk may need this long for fsync; the file has no real name yet, so a late end harms nobody."""

TELL_SECONDS = 0.5
"""How often progress is told meanwhile."""


def write_new(sftp: SftpChannel, path: str, chunks: Iterable[bytes], progress: Progress | None) -> Written:
    """`Session.write_new` on one channel."""
    try:
        handle = open_file(sftp, path, OpenFlag.WRITE | OpenFlag.CREATE | OpenFlag.EXCLUSIVE)
    except NodeError as error:
        raise why_not_created(sftp, path, error) from error
    writing = _Writing(sftp, path, handle, progress)
    try:
        for piece in pieces(chunks, CHUNK):
            writing.send(piece)
            writing.tell(len(piece))
        return writing.finish()
    except BaseException:
        writing.undo()
        raise


class _Writing:
    """A file that is being written."""

    def __init__(self, sftp: SftpChannel, path: str, handle: bytes, progress: Progress | None) -> None:
        self._sftp, self._path, self._handle, self._progress = sftp, path, handle, progress
        self._flying: deque[int] = deque()
        self._size = 0
        self._hash = hashlib.sha256()

    def tell(self, count: int) -> None:
        """So many bytes were moved."""
        if self._progress is not None:
            self._progress(count)

    def send(self, piece: bytes) -> None:
        """Queue one piece; waits for older ones where too many are in flight."""
        body = b"".join((self._handle, struct.pack(">QI", self._size, len(piece)), piece))
        self._flying.append(self._sftp.post(Kind.WRITE, body))
        self._size += len(piece)
        self._hash.update(piece)
        if len(self._flying) >= AHEAD:
            self._collect(down_to=AHEAD // 2)

    def finish(self) -> Written:
        """Flush to disk, close, compare the size."""
        flushed = self._post_flush()
        facts = self._sftp.post(Kind.FSTAT, self._handle)
        closed = self._sftp.post(Kind.CLOSE, self._handle)
        self._collect(down_to=0)
        if flushed is not None:
            error = done(self._flushed(flushed), self._path)
            if not isinstance(error, Unsupported):
                self._check(error)
        size = accept(self._sftp.wait(facts), self._path).stat().size
        self._check(refusal(self._sftp.wait(closed), self._path))
        if size != self._size:
            raise RemoteBusy(f"{self._path} has {size} bytes instead of {self._size}.")
        return Written(self._size, self._hash.hexdigest())

    def _post_flush(self) -> int | None:
        if Extension.FSYNC not in self._sftp.extensions:
            return None
        return self._sftp.post(Kind.EXTENDED, string(Extension.FSYNC.encode()) + self._handle)

    def _flushed(self, number: int) -> Reply:
        deadline = time.monotonic() + FLUSH_SECONDS
        while not self._sftp.answered(number, TELL_SECONDS) and time.monotonic() < deadline:
            self.tell(0)
        return self._sftp.wait(number, 0.0)

    def _collect(self, *, down_to: int) -> None:
        while len(self._flying) > down_to:
            self._check(done(self._sftp.wait(self._flying.popleft()), self._path))

    def _check(self, error: NodeError | None) -> None:
        if error is not None:
            raise why_not_written(self._sftp, self._path, error, needed=CHUNK * AHEAD)

    def undo(self) -> None:
        """Remove what was created, as far as the connection still allows."""
        if self._sftp.broken:
            return
        with suppress(NodeError):
            self._sftp.forget(self._flying)
            self._sftp.release(self._handle)
            self._sftp.ask(Kind.REMOVE, path_bytes(self._path))
