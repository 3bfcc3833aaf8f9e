"""The contract of a session with one node: bytes in, bytes out, no knowledge of its operating system.

Paths are SFTP paths with forward slashes (`/srv/x`, `/C:/MDaemon`); a platform makes them. Every call may raise
the errors of `nodes.errors` and ends by its own deadline. Batch verbs are pipelined over one channel, so
that a thousand renames cost a few round trips, and answer one outcome an item, in order: None for success, else
the error. `tests/nodes/contracts/` holds one suite that every implementation passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from nodes.command import CommandResult
from nodes.errors import NodeError

Outcome = NodeError | None
CHUNK = 32 * 1024
"""Bytes; what every server answers in one piece (Windows servers failed beyond 100 KB)."""

Progress = Callable[[int], None]
"""Told the bytes moved since the last call. May raise to stop the transfer."""


class FileKind(StrEnum):
    """What a directory entry is. Links are never followed."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class RemoteStat:
    """One entry's facts. Times in nanoseconds since 1970 UTC; SFTP knows whole seconds only."""

    kind: FileKind
    size: int
    mtime_ns: int
    mode: int = 0


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """One name in a folder. `name_bytes` is set, and `name` an escaped spelling, where it is no valid UTF-8."""

    name: str
    stat: RemoteStat
    name_bytes: bytes | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """Free and total bytes of a volume, and whether it takes no writes, as far as the server tells."""

    free: int
    total: int
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What was sent: bytes and their SHA-256 (hex), computed from what left this side."""

    size: int
    sha256: str


class Session(Protocol):
    """An authenticated way to one node whose host key was checked. Safe for use by one thread at a time."""

    def run(
        self,
        command_line: str,
        *,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float,
        max_output: int = 8 * 1024 * 1024,
        progress: Progress | None = None,
    ) -> CommandResult:
        """Run a line that a platform spelled. Standard input is closed after `stdin`; both outputs are drained
        together. A command that a signal ended has the exit status -1. Raises TimedOut `timeout` seconds after the last
        of the input was taken, LimitBroken past `max_output` bytes and where the input is taken too slowly,
        Unsupported where the server runs no commands. After any of these, and
        when `progress` raises (it is called at least twice a second), the channel is closed and TERM and KILL are asked
        for, which not every server passes on to the command.
        """
        ...

    def stat(self, path: str) -> RemoteStat | None:
        """Facts of one entry, the link itself if it is one; None where nothing is."""
        ...

    def home(self) -> str:
        """The login's own folder, as an absolute path."""
        ...

    def list_folder(self, path: str, *, progress: Progress | None = None) -> Sequence[RemoteEntry]:
        """The entries of a folder without `.` and `..`; `progress` is told whenever some came. Raises
        RemoteFileMissing, RemoteDenied, LimitBroken."""
        ...

    def entries(self, path: str, *, progress: Progress | None = None) -> Iterator[Sequence[RemoteEntry]]:
        """The same in the pieces in which they come, as many as there are: nothing is held. Raises the same, while it
        is gone through."""
        ...

    def read(self, path: str, *, most: int, progress: Progress | None = None) -> Iterator[bytes]:
        """The file's bytes in chunks of at most CHUNK, prefetching, constant memory. Raises FileTooLarge in place of a
        chunk that leads beyond `most` bytes, whatever size was told before; ChangedWhileRead when it ends short of the
        size it had at the start or has another size or time at the end."""
        ...

    def write_new(self, path: str, chunks: Iterable[bytes], *, progress: Progress | None = None) -> Written:
        """Create a file that must not exist, write, flush to disk where the server can, close. On failure what was
        created is removed. Raises RemoteFileExists, NoSpace, RemoteDenied."""
        ...

    def read_small(self, paths: Sequence[str]) -> list[bytes | NodeError]:
        """The content of each file of at most CHUNK bytes; FileTooLarge in place of a larger one's, ChangedWhileRead
        where it came short. All of them are held, and open at once: some dozens are meant."""
        ...

    def write_new_small(self, files: Sequence[tuple[str, bytes]]) -> list[Outcome]:
        """`write_new` for each path and its content, of at most CHUNK bytes (ValueError)."""
        ...

    def make_folders(self, path: str) -> tuple[str, ...]:
        """Create a folder and its missing parents; answer the ones that were made, outermost first. Refuses
        (RemoteDenied) to pass through a link, and (RemoteFileExists) through what is no folder."""
        ...

    def make_folders_many(self, paths: Sequence[str]) -> list[tuple[str, ...] | NodeError]:
        """`make_folders` for each; a folder that several lie in is told of the first that is there in the end."""
        ...

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder; already gone is fine. Raises RemoteBusy where it is not empty."""
        ...

    def free_space(self, path: str) -> Space | None:
        """Space of the volume that holds `path`; None where the server cannot tell."""
        ...

    def stat_many(self, paths: Sequence[str]) -> list[RemoteStat | NodeError | None]:
        """`stat` for each path."""
        ...

    def link_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        """Hard-link existing -> new name. Unsupported where the server cannot."""
        ...

    def replace_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        """Rename old -> new, replacing what is there atomically. Old and new must differ (ValueError)."""
        ...

    def move_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        """Rename files old -> new, at one instant, never in the place of anything: RemoteFileExists where the new name
        is taken. Old and new must differ (ValueError)."""
        ...

    def remove_many(self, paths: Sequence[str]) -> list[Outcome]:
        """Remove files; already gone is fine."""
        ...

    def set_mtime_many(self, items: Sequence[tuple[str, int]]) -> list[Outcome]:
        """Set modification times (nanoseconds, cut to what the server keeps)."""
        ...
