"""Reading one file over SFTP: several requests ahead, constant memory, and proof that it held still."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from nodes.errors import ChangedWhileRead, FileTooLarge, NodeError, RemoteBusy, RemoteDenied, RemoteFileMissing
from nodes.remote.packets import NO_ATTRIBUTES, Kind, OpenFlag, Status, path_bytes
from nodes.remote.session import CHUNK, FileKind, Progress, RemoteStat
from nodes.remote.sftp import SftpChannel
from nodes.remote.sftp_errors import accept, refusal, stat

AHEAD = 32
"""Requests in flight: 1 MiB, enough for 100 MB/s at 10 ms."""


@dataclass(slots=True)
class _Wanted:
    number: int
    offset: int
    length: int


def open_file(sftp: SftpChannel, path: str, flags: int) -> bytes:
    """Open a file; its handle as a string field. Raises what the server refuses."""
    reply = sftp.ask(Kind.OPEN, path_bytes(path) + struct.pack(">I", flags) + NO_ATTRIBUTES)
    return accept(reply, path).handle()


def read(sftp: SftpChannel, path: str, most: int, progress: Progress | None) -> Iterator[bytes]:
    """`Session.read` on one channel."""
    try:
        handle = open_file(sftp, path, OpenFlag.READ)
    except RemoteBusy as error:
        raise _why_not_opened(sftp, path, error) from error
    reading = _Reading(sftp, path, handle)
    try:
        before = reading.begin()
        for data in reading.chunks(before.size):
            most -= len(data)
            if most < 0:
                raise FileTooLarge(path)
            yield data
            if progress is not None:
                progress(len(data))
        reading.check_unchanged(before)
    finally:
        reading.end()


def _why_not_opened(sftp: SftpChannel, path: str, error: NodeError) -> NodeError:
    """A bare failure of opening: some servers refuse folders so, which no later attempt changes."""
    facts = stat(sftp, path)
    if facts is not None and facts.kind not in (FileKind.FILE, FileKind.LINK):
        return RemoteDenied(f"{path} is no file.")
    return error


class _Reading:
    """A file that is being read."""

    def __init__(self, sftp: SftpChannel, path: str, handle: bytes) -> None:
        self._sftp, self._path, self._handle = sftp, path, handle
        self._flying: deque[_Wanted] = deque()

    def begin(self) -> RemoteStat:
        """The file's facts; its first bytes are asked for in the same round trip."""
        facts = self._sftp.post(Kind.FSTAT, self._handle)
        self._ask(0, CHUNK)
        before = accept(self._sftp.wait(facts), self._path).stat()
        if before.kind is not FileKind.FILE:
            raise RemoteDenied(f"{self._path} is no file.")
        return before

    def chunks(self, size: int) -> Iterator[bytes]:
        """The bytes up to `size`, in order."""
        self._flying[0].length = min(CHUNK, size)
        offset = self._flying[0].length
        while self._flying and self._flying[0].length:
            if len(self._flying) <= AHEAD // 2:
                while offset < size and len(self._flying) < AHEAD:
                    offset += self._ask(offset, min(CHUNK, size - offset))
            yield self._next()

    def _ask(self, offset: int, length: int) -> int:
        number = self._sftp.post(Kind.READ, self._handle + struct.pack(">QI", offset, length))
        self._flying.append(_Wanted(number, offset, length))
        return length

    def _next(self) -> bytes:
        wanted = self._flying.popleft()
        reply = self._sftp.wait(wanted.number)
        if reply.status == Status.EOF:
            raise ChangedWhileRead(f"{self._path} became shorter.")
        data = accept(reply, self._path).fields(Kind.DATA).string()
        if not data or len(data) > wanted.length:
            raise ChangedWhileRead(self._path)
        missing = wanted.length - len(data)
        if missing:  # a server may answer less than asked for
            self._ask(wanted.offset + len(data), missing)
            self._flying.rotate(1)
        return data

    def check_unchanged(self, before: RemoteStat) -> None:
        """Raise ChangedWhileRead if the open file, or the one of this name, is another than at the start."""
        facts = self._sftp.post(Kind.FSTAT, self._handle)
        named = self._sftp.post(Kind.LSTAT, path_bytes(self._path))
        replies = self._sftp.wait(facts), self._sftp.wait(named)
        for reply in replies:
            if isinstance(refusal(reply, self._path), RemoteFileMissing):
                raise ChangedWhileRead(f"{self._path} was removed.")
            after = accept(reply, self._path).stat()
            if after.kind is FileKind.FILE and (after.size, after.mtime_ns) != (before.size, before.mtime_ns):
                raise ChangedWhileRead(self._path)

    def end(self) -> None:
        """Let go of the file at once: elsewhere nobody may rename or delete it while it is open."""
        self._sftp.forget(wanted.number for wanted in self._flying)
        self._sftp.release(self._handle)
