"""Many small files over SFTP: all requests of a step in flight together, one outcome a file."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from nodes.errors import ChangedWhileRead, FileTooLarge, NodeError, OutputUnreadable, RemoteBusy, RemoteDenied
from nodes.remote.packets import NO_ATTRIBUTES, Extension, Kind, OpenFlag, Reply, path_bytes, string
from nodes.remote.session import CHUNK, FileKind, Outcome
from nodes.remote.sftp import SftpChannel
from nodes.remote.sftp_errors import done, refusal, why_not_created, why_not_written

_Request = tuple[Kind, bytes]


def read_small(sftp: SftpChannel, paths: Sequence[str]) -> list[bytes | NodeError]:
    """`Session.read_small` on one channel."""
    opened = _open(sftp, paths, OpenFlag.READ)
    handles = [one for one in opened if isinstance(one, bytes)]
    replies = sftp.ask_many(request for handle in handles for request in _reading(handle))
    return [
        one if isinstance(one, NodeError) else _content(path, next(replies), next(replies), next(replies))
        for path, one in zip(paths, opened, strict=True)
    ]


def _reading(handle: bytes) -> Iterator[_Request]:
    yield Kind.READ, handle + struct.pack(">QI", 0, CHUNK)
    yield Kind.FSTAT, handle
    yield Kind.CLOSE, handle


def _content(path: str, read: Reply, facts: Reply, _closed: Reply) -> bytes | NodeError:
    error = refusal(facts, path)
    if error is not None:
        return error
    stat = facts.stat()
    if stat.kind is not FileKind.FILE:
        return RemoteDenied(f"{path} is no file.")
    if stat.size > CHUNK:
        return FileTooLarge(path)
    data = read.fields(Kind.DATA).string() if read.kind == Kind.DATA else b""
    if len(data) == stat.size:  # an empty file has no data, only an end
        return data
    return refusal(read, path) or ChangedWhileRead(path)


def write_new_small(sftp: SftpChannel, files: Sequence[tuple[str, bytes]]) -> list[Outcome]:
    """`Session.write_new_small` on one channel."""
    if any(len(content) > CHUNK for _, content in files):
        raise ValueError("a small file has no more bytes than one piece")
    opened = _open(sftp, [path for path, _ in files], OpenFlag.WRITE | OpenFlag.CREATE | OpenFlag.EXCLUSIVE)
    flushes = Extension.FSYNC in sftp.extensions
    pairs = [(one, content) for one, (_, content) in zip(opened, files, strict=True) if isinstance(one, bytes)]
    replies = sftp.ask_many(request for pair in pairs for request in _writing(*pair, flushes=flushes))
    outcomes: list[Outcome] = []
    for one, (path, content) in zip(opened, files, strict=True):
        if isinstance(one, NodeError):
            outcomes.append(why_not_created(sftp, path, one))
        else:
            answers = [next(replies) for _ in range(3 + flushes)]
            outcomes.append(_written(path, len(content), answers))
    return _without_halves(sftp, files, opened, outcomes)


def _writing(handle: bytes, content: bytes, *, flushes: bool) -> Iterator[_Request]:
    yield Kind.WRITE, b"".join((handle, struct.pack(">QI", 0, len(content)), content))
    if flushes:
        yield Kind.EXTENDED, string(Extension.FSYNC.encode()) + handle
    yield Kind.FSTAT, handle
    yield Kind.CLOSE, handle


def _written(path: str, size: int, answers: Sequence[Reply]) -> Outcome:
    *statuses, facts, closed = answers
    for reply in (*statuses, closed):
        error = done(reply, path)
        if error is not None:
            return error
    error = refusal(facts, path)
    if error is None and facts.stat().size != size:
        return RemoteBusy(f"{path} has {facts.stat().size} bytes instead of {size}.")
    return error


def _without_halves(
    sftp: SftpChannel,
    files: Sequence[tuple[str, bytes]],
    opened: Sequence[bytes | NodeError],
    outcomes: list[Outcome],
) -> list[Outcome]:
    """The outcomes; what was created and not written whole is removed."""
    for place, ((path, content), one) in enumerate(zip(files, opened, strict=True)):
        error = outcomes[place]
        if error is not None and isinstance(one, bytes):
            outcomes[place] = why_not_written(sftp, path, error, needed=len(content))
            sftp.ask(Kind.REMOVE, path_bytes(path))
    return outcomes


def _open(sftp: SftpChannel, paths: Sequence[str], flags: int) -> list[bytes | NodeError]:
    """Handles, as string fields, or why there is none."""
    spelled = [_spelled(path) for path in paths]
    asked = (path for path in spelled if not isinstance(path, NodeError))
    replies = sftp.ask_many((Kind.OPEN, path + struct.pack(">I", flags) + NO_ATTRIBUTES) for path in asked)
    return [
        one if isinstance(one, NodeError) else _handle(next(replies), path)
        for path, one in zip(paths, spelled, strict=True)
    ]


def _spelled(path: str) -> bytes | NodeError:
    try:
        return path_bytes(path)
    except NodeError as error:
        return error


def _handle(reply: Reply, path: str) -> bytes | NodeError:
    error = refusal(reply, path)
    if error is not None:
        return error
    return reply.handle() if reply.kind == Kind.HANDLE else OutputUnreadable(path)
