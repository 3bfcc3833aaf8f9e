"""Folders over SFTP: listing, making with their parents, removing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from nodes.errors import LimitBroken, NodeError, RemoteDenied, RemoteFileExists, RemoteFileMissing
from nodes.remote.limits import Limits
from nodes.remote.packets import NO_ATTRIBUTES, Kind, Status, path_bytes, string
from nodes.remote.session import FileKind, Progress, RemoteEntry, RemoteStat
from nodes.remote.sftp import SftpChannel
from nodes.remote.sftp_errors import (
    accept,
    done,
    stat,
    stat_in,
    why_not_written,
)

_READS_AHEAD = 4
_EMPTY_ANSWERS = 100
"""So many answers without a name may come one after the other: a server may have left out what it does not show."""


def home(sftp: SftpChannel) -> str:
    """`Session.home` on one channel."""
    return accept(sftp.ask(Kind.REALPATH, string(b".")), ".").absolute_path()


def list_folder(sftp: SftpChannel, path: str, limits: Limits, progress: Progress | None) -> Sequence[RemoteEntry]:
    """`Session.list_folder` on one channel."""
    handle = accept(sftp.ask(Kind.OPENDIR, path_bytes(path)), path).handle()
    numbers: list[int] = []
    found: list[RemoteEntry] = []
    try:
        for entries in _answers(sftp, path, handle, numbers, limits):
            found += entries
            limits.check_names(len(found), path)
            if progress is not None and entries:
                progress(0)
    finally:
        sftp.forget(numbers)
        sftp.release(handle)
    return found


def _answers(
    sftp: SftpChannel, path: str, handle: bytes, numbers: list[int], limits: Limits
) -> Iterator[list[RemoteEntry]]:
    """What READDIR brings, until there is no more. `numbers`: the requests in flight."""
    began, size, empty = time.monotonic(), 0, 0
    while True:
        while len(numbers) < _READS_AHEAD:
            numbers.append(sftp.post(Kind.READDIR, handle))
        reply = sftp.wait(numbers.pop(0))
        if reply.status == Status.EOF:
            return
        entries = accept(reply, path).entries(path)
        size += len(reply.body)
        empty = 0 if entries else empty + 1
        if empty > _EMPTY_ANSWERS:
            raise LimitBroken(f"{path} is listed without an end and without a name. Look at its SFTP server.")
        limits.check_bytes(size, path)
        limits.check_seconds(time.monotonic() - began, path)
        yield entries


def levels(path: str) -> list[str]:
    """The folders on the way to `path`, outermost first, `path` included; a share's root (`//server/share`) is one."""
    start = "//" if path.startswith("//") else "/"
    names = [name for name in path.split("/") if name]
    first = 2 if start == "//" else 1
    return [start + "/".join(names[:count]) for count in range(first, len(names) + 1)]


def missing_levels(facts: Sequence[tuple[str, RemoteStat | NodeError | None]]) -> list[str]:
    """The folders that have to be made. Raises RemoteDenied where a link is in the way, RemoteFileExists for a file."""
    missing = []
    for level, found in facts:
        if found is None:
            missing.append(level)
        elif isinstance(found, RemoteStat):  # a level that may not be looked at may still be passed through
            _refuse_to_pass(level, found)
    return missing


def _refuse_to_pass(level: str, found: RemoteStat) -> None:
    if found.kind is FileKind.LINK:
        raise RemoteDenied(f"{level} is a link; give the folder's real path.")
    if found.kind is not FileKind.FOLDER:
        raise RemoteFileExists(f"{level} is no folder.")


def make_folders(sftp: SftpChannel, path: str) -> tuple[str, ...]:
    """`Session.make_folders` on one channel."""
    way = levels(path)
    replies = sftp.ask_many((Kind.LSTAT, path_bytes(level)) for level in way)
    facts = [(level, stat_in(reply, level)) for level, reply in zip(way, replies, strict=True)]
    return tuple(level for level in missing_levels(facts) if _make(sftp, level))


def _make(sftp: SftpChannel, level: str) -> bool:
    """Make one folder; False where somebody else just did."""
    error = done(sftp.ask(Kind.MKDIR, path_bytes(level) + NO_ATTRIBUTES), level)
    if error is None:
        return True
    found = stat(sftp, level)
    if found is None:
        raise why_not_written(sftp, level, error)
    _refuse_to_pass(level, found)
    return False


def remove_folder(sftp: SftpChannel, path: str) -> None:
    """`Session.remove_folder` on one channel."""
    error = done(sftp.ask(Kind.RMDIR, path_bytes(path)), path)
    if error is not None and not isinstance(error, RemoteFileMissing):
        raise error
