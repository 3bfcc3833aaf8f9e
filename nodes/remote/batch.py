"""The verbs for many files: all requests in flight together, one outcome an item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from nodes.errors import NodeError, RemoteFileMissing, Unsupported
from nodes.remote.packets import Extension, Kind, Reply, path_bytes, string, times
from nodes.remote.session import Outcome, RemoteStat
from nodes.remote.sftp import SftpChannel
from nodes.remote.sftp_errors import (
    done,
    stat_in,
    why_not_created,
    why_not_written,
)

_Request = tuple[Kind, bytes]
_Item = TypeVar("_Item")
_Judged = TypeVar("_Judged")


def stat_many(sftp: SftpChannel, paths: Sequence[str]) -> list[RemoteStat | NodeError | None]:
    """`Session.stat_many` on one channel."""
    return _each(sftp, paths, lambda path: (Kind.LSTAT, path_bytes(path)), stat_in)


def link_many(sftp: SftpChannel, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
    """`Session.link_many` on one channel."""
    outcomes = _extended(sftp, Extension.HARDLINK, pairs)
    for place, (_, new) in enumerate(pairs):
        if (error := outcomes[place]) is not None:
            outcomes[place] = why_not_created(sftp, new, error)
    return outcomes


def replace_many(sftp: SftpChannel, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
    """`Session.replace_many` on one channel."""
    refuse_same_names(pairs)
    outcomes = _extended(sftp, Extension.POSIX_RENAME, pairs)
    for place, (_, new) in enumerate(pairs):
        if (error := outcomes[place]) is not None:
            outcomes[place] = why_not_written(sftp, new, error)
    return outcomes


def move_many(sftp: SftpChannel, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
    """`Session.move_many` on one channel. The protocol's own rename is refused where the new name is taken."""
    refuse_same_names(pairs)
    outcomes = _each(
        sftp,
        pairs,
        lambda pair: (Kind.RENAME, path_bytes(pair[0]) + path_bytes(pair[1])),
        lambda reply, pair: done(reply, pair[1]),
    )
    for place, (_, new) in enumerate(pairs):
        if (error := outcomes[place]) is not None:
            outcomes[place] = why_not_created(sftp, new, error)
    return outcomes


def remove_many(sftp: SftpChannel, paths: Sequence[str]) -> list[Outcome]:
    """`Session.remove_many` on one channel."""
    outcomes = _each(sftp, paths, lambda path: (Kind.REMOVE, path_bytes(path)), done)
    return [None if isinstance(outcome, RemoteFileMissing) else outcome for outcome in outcomes]


def set_mtime_many(sftp: SftpChannel, items: Sequence[tuple[str, int]]) -> list[Outcome]:
    """`Session.set_mtime_many` on one channel."""
    return _each(
        sftp,
        items,
        lambda item: (Kind.SETSTAT, path_bytes(item[0]) + times(item[1])),
        lambda reply, item: done(reply, item[0]),
    )


def refuse_same_names(pairs: Sequence[tuple[str, str]]) -> None:
    """Raise ValueError where old and new are one name: some Windows servers delete such a file."""
    for old, new in pairs:
        if old == new:
            raise ValueError(f"a file is not renamed to itself: {old!r}")


def _extended(sftp: SftpChannel, extension: str, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
    """Send old and new names to an extension; Unsupported for each where the server does not offer it."""
    if extension not in sftp.extensions:
        return [Unsupported(f"The server does not offer {extension}.") for _ in pairs]
    name = string(extension.encode())
    return _each(
        sftp,
        pairs,
        lambda pair: (Kind.EXTENDED, name + path_bytes(pair[0]) + path_bytes(pair[1])),
        lambda reply, pair: done(reply, pair[1]),
    )


def _each(
    sftp: SftpChannel,
    items: Sequence[_Item],
    spell: Callable[[_Item], _Request],
    judge: Callable[[Reply, _Item], _Judged],
) -> list[_Judged | NodeError]:
    """Ask once an item; an item that cannot even be spelled gets its error, and the others go on."""
    spelled = [_spelled(spell, item) for item in items]
    replies = sftp.ask_many(request for request in spelled if not isinstance(request, NodeError))
    return [
        request if isinstance(request, NodeError) else judge(next(replies), item)
        for request, item in zip(spelled, items, strict=True)
    ]


def _spelled(spell: Callable[[_Item], _Request], item: _Item) -> _Request | NodeError:
    try:
        return spell(item)
    except NodeError as error:
        return error
