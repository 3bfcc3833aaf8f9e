"""Folders over SFTP: listing, making with their parents, removing."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby

from nodes.errors import LimitBroken, NodeError, RemoteDenied, RemoteFileExists, RemoteFileMissing
from nodes.remote.batch import stat_many
from nodes.remote.limits import Limits
from nodes.remote.packets import NO_ATTRIBUTES, Kind, Status, path_bytes, string
from nodes.remote.session import FileKind, Progress, RemoteEntry, RemoteStat
from nodes.remote.sftp import SftpChannel
from nodes.remote.sftp_errors import (
    accept,
    done,
    parent_of,
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
    found: list[RemoteEntry] = []
    size = 0
    for entries, brought in _answers(sftp, path, limits):
        found += entries
        size += brought
        limits.check_names(len(found), path)
        limits.check_bytes(size, path)
        if progress is not None and entries:
            progress(0)
    return found


def entries(sftp: SftpChannel, path: str, limits: Limits, progress: Progress | None) -> Iterator[Sequence[RemoteEntry]]:
    """`Session.entries` on one channel."""
    for some, _ in _answers(sftp, path, limits):
        if progress is not None and some:
            progress(0)
        yield some


def _answers(sftp: SftpChannel, path: str, limits: Limits) -> Iterator[tuple[list[RemoteEntry], int]]:
    """What READDIR brings, and how many bytes that were, until there is no more."""
    handle = accept(sftp.ask(Kind.OPENDIR, path_bytes(path)), path).handle()
    numbers: list[int] = []
    began, empty = time.monotonic(), 0
    try:
        while True:
            while len(numbers) < _READS_AHEAD:
                numbers.append(sftp.post(Kind.READDIR, handle))
            reply = sftp.wait(numbers.pop(0))
            if reply.status == Status.EOF:
                return
            some = accept(reply, path).entries(path)
            empty = 0 if some else empty + 1
            if empty > _EMPTY_ANSWERS:
                raise LimitBroken(f"{path} is listed without an end and without a name. Look at its SFTP server.")
            limits.check_seconds(time.monotonic() - began, path)
            yield some, len(reply.body)
    finally:
        sftp.forget(numbers)
        sftp.release(handle)


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
    (made,) = make_folders_many(sftp, [path])
    if isinstance(made, NodeError):
        raise made
    return made


def make_folders_many(sftp: SftpChannel, paths: Sequence[str]) -> list[tuple[str, ...] | NodeError]:
    """`Session.make_folders_many` on one channel."""
    lacking = _lacking(sftp, paths)
    missing = {level for found in lacking if not isinstance(found, NodeError) for level in found}
    made, failed = _make(sftp, missing)
    outcomes: list[tuple[str, ...] | NodeError] = []
    for found in lacking:
        if not isinstance(found, NodeError):
            found = next((failed[level] for level in found if level in failed), found)
        if isinstance(found, NodeError):
            outcomes.append(found)
            continue
        outcomes.append(tuple(level for level in found if level in made))
        made.difference_update(found)
    return outcomes


def _lacking(sftp: SftpChannel, paths: Sequence[str]) -> list[list[str] | NodeError]:
    """For each folder, those on the way to it that have to be made, or why it cannot be there."""
    ways = [_way(path) for path in paths]
    every = sorted({level for way in ways if not isinstance(way, NodeError) for level in way})
    facts = dict(zip(every, stat_many(sftp, every), strict=True))
    return [way if isinstance(way, NodeError) else _missing(way, facts) for way in ways]


def _way(path: str) -> list[str] | NodeError:
    try:
        path_bytes(path)
    except NodeError as error:
        return error
    return levels(path)


def _missing(way: Sequence[str], facts: Mapping[str, RemoteStat | NodeError | None]) -> list[str] | NodeError:
    try:
        return missing_levels([(level, facts[level]) for level in way])
    except NodeError as error:
        return error


def _make(sftp: SftpChannel, missing: Collection[str]) -> tuple[set[str], dict[str, NodeError]]:
    """Make folders, all of one depth at a time; answer those that were made, and why others could not be. What somebody
    else just made is among neither."""
    made: set[str] = set()
    failed: dict[str, NodeError] = {}
    for _, group in groupby(sorted(missing, key=_depth), _depth):
        depth = list(group)
        failed |= {level: failed[above] for level in depth if (above := parent_of(level)) in failed}
        asked = [level for level in depth if level not in failed]
        replies = list(sftp.ask_many((Kind.MKDIR, path_bytes(level) + NO_ATTRIBUTES) for level in asked))
        for level, reply in zip(asked, replies, strict=True):
            error = done(reply, level)
            if error is None:
                made.add(level)
            elif (reason := _why_not_made(sftp, level, error)) is not None:
                failed[level] = reason
    return made, failed


def _depth(level: str) -> int:
    return level.count("/")


def _why_not_made(sftp: SftpChannel, level: str, error: NodeError) -> NodeError | None:
    """Why a folder is not there; None where it is, because somebody else just made it."""
    found = stat_in(sftp.ask(Kind.LSTAT, path_bytes(level)), level)
    if found is None:
        return why_not_written(sftp, level, error)
    if isinstance(found, NodeError):
        return found
    try:
        _refuse_to_pass(level, found)
    except NodeError as refusal:
        return refusal
    return None


def remove_folder(sftp: SftpChannel, path: str) -> None:
    """`Session.remove_folder` on one channel."""
    error = done(sftp.ask(Kind.RMDIR, path_bytes(path)), path)
    if error is not None and not isinstance(error, RemoteFileMissing):
        raise error
