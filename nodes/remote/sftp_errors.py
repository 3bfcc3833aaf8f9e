"""SFTP status codes in the words of `nodes.errors`, and what a bare "Failure" may mean.

Version 3 has one code for a full disk, a name that is taken and a file that is held open. Asking two more questions
(is the name there, is there space) tells them apart; what remains is RemoteBusy, which is tried again.
"""

from __future__ import annotations

from nodes.errors import (
    NodeError,
    NoSpace,
    OutputUnreadable,
    RemoteBusy,
    RemoteDenied,
    RemoteFileExists,
    RemoteFileMissing,
    Unsupported,
)
from nodes.remote.packets import Extension, Kind, Reply, Status, path_bytes, string
from nodes.remote.session import RemoteStat, Space
from nodes.remote.sftp import SftpChannel

NEARLY_FULL = 1024 * 1024
"""Bytes below which a failed write counts as out of space: volumes keep some back."""

_ERRORS: dict[int, type[NodeError]] = {
    Status.EOF: OutputUnreadable,
    Status.NO_SUCH_FILE: RemoteFileMissing,
    Status.PERMISSION_DENIED: RemoteDenied,
    Status.FAILURE: RemoteBusy,
    Status.OP_UNSUPPORTED: Unsupported,
}


def refusal(reply: Reply, path: str) -> NodeError | None:
    """The error that an answer reports; None where it reports success or is no status."""
    status = reply.status
    if status is None or status == Status.OK:
        return None
    return _ERRORS.get(status, OutputUnreadable)(path)


def accept(reply: Reply, path: str) -> Reply:
    """The answer, or its error raised."""
    error = refusal(reply, path)
    if error is not None:
        raise error
    return reply


def done(reply: Reply, path: str) -> NodeError | None:
    """The outcome of a request that is answered by a status only."""
    if reply.kind != Kind.STATUS:
        return OutputUnreadable(path)
    return refusal(reply, path)


def stat_in(reply: Reply, path: str) -> RemoteStat | NodeError | None:
    """The facts an LSTAT answer holds; None where nothing is."""
    error = refusal(reply, path)
    if error is None:
        return reply.stat()
    return None if isinstance(error, RemoteFileMissing) else error


def stat(sftp: SftpChannel, path: str) -> RemoteStat | None:
    """Facts of one entry, links not followed; None where nothing is."""
    facts = stat_in(sftp.ask(Kind.LSTAT, path_bytes(path)), path)
    if isinstance(facts, NodeError):
        raise facts
    return facts


def _volume(sftp: SftpChannel, path: str) -> tuple[Space, bool] | None:
    if Extension.STATVFS not in sftp.extensions:
        return None
    if path.startswith("//"):  # Windows' GetDiskFreeSpace knows a share by the separator at its end
        path = path.rstrip("/") + "/"
    reply = sftp.ask(Kind.EXTENDED, string(Extension.STATVFS.encode()) + path_bytes(path))
    if isinstance(refusal(reply, path), Unsupported):
        return None
    return accept(reply, path).space()


def free_space(sftp: SftpChannel, path: str) -> Space | None:
    """Space of the volume under `path`; None where the server cannot tell."""
    volume = _volume(sftp, path)
    return volume and volume[0]


def parent_of(path: str) -> str:
    """The folder a path is in."""
    return path.rstrip("/").rpartition("/")[0] or "/"


def why_not_written(sftp: SftpChannel, path: str, error: NodeError, *, needed: int = 0) -> NodeError:
    """A bare failure of creating or writing `path`, told apart where it can be. `needed`: bytes that were to fit."""
    if not isinstance(error, RemoteBusy):
        return error
    try:
        volume = _volume(sftp, parent_of(path))
    except NodeError:
        return error
    if volume is not None:
        space, no_entries = volume
        if no_entries:
            return NoSpace(f"No file entries are left on the volume of {path}.")
        if space.free < max(NEARLY_FULL, needed):
            return NoSpace(f"{space.free} bytes are free on the volume of {path}.")
    return error


def why_not_created(sftp: SftpChannel, path: str, error: NodeError) -> NodeError:
    """What is behind a failure without a reason: RemoteFileExists where the name `path` is taken, else as
    `why_not_written`."""
    if not isinstance(error, RemoteBusy):
        return error
    if not isinstance(stat_in(sftp.ask(Kind.LSTAT, path_bytes(path)), path), NodeError | None):
        return RemoteFileExists(path)
    return why_not_written(sftp, path, error)
