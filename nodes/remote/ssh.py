"""A session over SSH: one SFTP channel, opened when first needed, and one channel a command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import paramiko

from nodes.command import CommandResult
from nodes.errors import NodeError
from nodes.remote import (
    batch,
    command,
    folders,
    reading,
    small,
    writing,
)
from nodes.remote import (
    sftp_errors as answers,
)
from nodes.remote.handshake import open_transport
from nodes.remote.limits import USUAL, Limits, Waits
from nodes.remote.packets import Kind, path_bytes
from nodes.remote.session import Outcome, Progress, RemoteEntry, RemoteStat, Space, Written
from nodes.remote.sftp import ANSWER_SECONDS, SftpChannel

__all__ = ["SshSession", "open_transport"]


class SshSession:
    """`Session` on an authenticated connection, which it does not own. For one thread at a time.

    `patience`: seconds that one answer over SFTP may take. `limits`: what the server may cost.
    """

    def __init__(
        self, transport: paramiko.Transport, *, patience: float = ANSWER_SECONDS, limits: Limits = USUAL
    ) -> None:
        self._transport, self._patience, self._limits = transport, patience, limits
        self._waits = Waits(limits)
        self._channel: SftpChannel | None = None

    @property
    def _sftp(self) -> SftpChannel:
        if self._channel is None:
            self._channel = SftpChannel(self._transport, self._patience, self._limits, self._waits)
        return self._channel

    def begin(self, waits: float | None = None) -> None:
        """An act on the node begins: what was waited for it before counts no longer. `waits` as in `Waits.begin`."""
        self._waits.begin(waits)

    @property
    def usable(self) -> bool:
        """Whether the connection stands and no SFTP answer was lost."""
        return self._transport.is_active() and not (self._channel is not None and self._channel.broken)

    def answers(self, patience: float) -> bool:
        """Whether the server still answers on the SFTP channel, within so many seconds; True if there is none yet."""
        if self._channel is None:
            return True
        try:
            self._channel.wait(self._channel.post(Kind.LSTAT, path_bytes("/")), patience)
        except NodeError:
            return False
        return True

    def close(self) -> None:
        """Close the SFTP channel; the connection stays."""
        if self._channel is not None:
            self._channel.close()

    def run(
        self,
        command_line: str,
        *,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float,
        max_output: int = 8 * 1024 * 1024,
        progress: Progress | None = None,
    ) -> CommandResult:
        """Run one command line on a channel of its own."""
        return command.run(
            self._transport,
            command_line,
            stdin=stdin,
            timeout=timeout,
            max_output=max_output,
            progress=progress,
            waits=self._waits,
        )

    def stat(self, path: str) -> RemoteStat | None:
        """Facts of one entry, of a link the link's own; None where nothing is."""
        return answers.stat(self._sftp, path)

    def home(self) -> str:
        """The login's own folder, as an absolute path."""
        return folders.home(self._sftp)

    def list_folder(self, path: str, *, progress: Progress | None = None) -> Sequence[RemoteEntry]:
        """The entries of a folder, without `.` and `..`."""
        return folders.list_folder(self._sftp, path, self._limits, progress)

    def entries(self, path: str, *, progress: Progress | None = None) -> Iterator[Sequence[RemoteEntry]]:
        """The same, as they come."""
        return folders.entries(self._sftp, path, self._limits, progress)

    def read(self, path: str, *, most: int, progress: Progress | None = None) -> Iterator[bytes]:
        """The file's bytes in chunks, read ahead, and no more than `most`."""
        return reading.read(self._sftp, path, most, progress)

    def write_new(self, path: str, chunks: Iterable[bytes], *, progress: Progress | None = None) -> Written:
        """Create a file that must not exist yet; what was created goes again on failure."""
        return writing.write_new(self._sftp, path, chunks, progress)

    def read_small(self, paths: Sequence[str]) -> list[bytes | NodeError]:
        """The content of each small file, sent without waiting in between."""
        return small.read_small(self._sftp, paths)

    def write_new_small(self, files: Sequence[tuple[str, bytes]]) -> list[Outcome]:
        """Create each small file, sent without waiting in between; what was created goes again on failure."""
        return small.write_new_small(self._sftp, files)

    def make_folders(self, path: str) -> tuple[str, ...]:
        """Create a folder and its missing parents; answer those that were made."""
        return folders.make_folders(self._sftp, path)

    def make_folders_many(self, paths: Sequence[str]) -> list[tuple[str, ...] | NodeError]:
        """The same for many, sent level by level without waiting in between."""
        return folders.make_folders_many(self._sftp, paths)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder; already gone is fine."""
        folders.remove_folder(self._sftp, path)

    def free_space(self, path: str) -> Space | None:
        """Space of the volume that holds `path`; None where the server cannot tell."""
        return answers.free_space(self._sftp, path)

    def stat_many(self, paths: Sequence[str]) -> list[RemoteStat | NodeError | None]:
        """`stat` for each path, sent without waiting in between."""
        return batch.stat_many(self._sftp, paths)

    def link_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        """A second name for each file: existing -> new."""
        return batch.link_many(self._sftp, pairs)

    def replace_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        """Rename old -> new, each replacing at one instant what is there."""
        return batch.replace_many(self._sftp, pairs)

    def move_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        """Rename old -> new, each where nothing is."""
        return batch.move_many(self._sftp, pairs)

    def remove_many(self, paths: Sequence[str]) -> list[Outcome]:
        """Remove files; already gone is fine."""
        return batch.remove_many(self._sftp, paths)

    def set_mtime_many(self, items: Sequence[tuple[str, int]]) -> list[Outcome]:
        """Set modification times, in nanoseconds."""
        return batch.set_mtime_many(self._sftp, items)
