"""A node in memory behind the same contract, for tests that are not about the wire.

It is trusted because it passes the contract suite that real servers pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from nodes.command import CommandResult
from nodes.errors import (
    ChangedWhileRead,
    FileTooLarge,
    LimitBroken,
    NodeError,
    RemoteBusy,
    RemoteDenied,
    RemoteFileExists,
    SessionLost,
    Unsupported,
)
from nodes.remote.batch import refuse_same_names
from nodes.remote.folders import levels, missing_levels
from nodes.remote.packets import LATEST_MTIME, NS
from nodes.remote.session import (
    FileKind,
    Outcome,
    Progress,
    RemoteEntry,
    RemoteStat,
    Space,
    Written,
)
from nodes.remote.sftp_errors import parent_of
from tests.fakes.disk import FakeDisk, Inode

Commands = Callable[[str, bytes], CommandResult]
"""What answers a command line and its standard input."""

FAKE_HOME = "/srv/home"
_CHUNK = 32 * 1024
_Item = TypeVar("_Item")


class FakeSession:
    """`Session` on a `FakeDisk`. Without `commands` the node is SFTP only. `lost` breaks the connection."""

    def __init__(self, disk: FakeDisk, commands: Commands | None = None) -> None:
        self.disk = disk
        self.lost = False
        self._commands = commands

    def run(
        self,
        command_line: str,
        *,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float,
        max_output: int = 8 * 1024 * 1024,
        progress: Progress | None = None,
    ) -> CommandResult:
        """See `Session.run`. Commands answer at once, whatever `timeout` says."""
        self._alive()
        if self._commands is None:
            raise Unsupported("The server runs no commands.")
        result = self._commands(command_line, stdin if isinstance(stdin, bytes) else b"".join(stdin))
        if len(result.stdout) + len(result.stderr) > max_output:
            raise LimitBroken("A command's answer has more bytes than agreed.")
        if progress is not None:
            progress(len(result.stdout) + len(result.stderr))
        return result

    def stat(self, path: str) -> RemoteStat | None:
        """See `Session.stat`."""
        self._alive()
        inode = self.disk.find(path)
        return None if inode is None else inode.stat()

    def home(self) -> str:
        """See `Session.home`."""
        self._alive()
        return FAKE_HOME

    def list_folder(self, path: str, *, progress: Progress | None = None) -> Sequence[RemoteEntry]:
        """See `Session.list_folder`."""
        self._alive()
        self.disk.get_folder(path)
        found = [_entry(name, inode) for name, inode in self.disk.children(path).items()]
        if progress is not None and found:
            progress(0)
        return found

    def entries(self, path: str, *, progress: Progress | None = None) -> Iterator[Sequence[RemoteEntry]]:
        """See `Session.entries`."""
        found = self.list_folder(path, progress=progress)
        for start in range(0, len(found), 100):
            yield found[start : start + 100]

    def read(self, path: str, *, most: int, progress: Progress | None = None) -> Iterator[bytes]:
        """See `Session.read`."""
        self._alive()
        inode = self.disk.follow(path)
        if inode.kind is not FileKind.FILE:
            raise RemoteDenied(f"{path} is no file.")
        before = inode.stat()
        for start in range(0, before.size, _CHUNK):
            self._alive()
            data = bytes(inode.data[start : min(start + _CHUNK, before.size)])
            if start + len(data) > most:
                raise FileTooLarge(path)
            yield data
            if progress is not None:
                progress(len(data))
        if inode.stat() != before or self.disk.follow(path).stat() != before:
            raise ChangedWhileRead(path)

    def write_new(self, path: str, chunks: Iterable[bytes], *, progress: Progress | None = None) -> Written:
        """See `Session.write_new`."""
        self._alive()
        self.disk.get_folder(parent_of(path))
        if self.disk.find(path) is not None:
            raise RemoteFileExists(path)
        inode = Inode(FileKind.FILE, self.disk.now_ns())
        self.disk.names[path] = inode
        digest = hashlib.sha256()
        try:
            for chunk in chunks:
                self._alive()
                self.disk.grow(inode, chunk, path)
                digest.update(chunk)
                if progress is not None:
                    progress(len(chunk))
        except BaseException:
            if not self.lost:
                del self.disk.names[path]
            raise
        inode.mtime_ns = self.disk.now_ns()
        return Written(len(inode.data), digest.hexdigest())

    def read_small(self, paths: Sequence[str]) -> list[bytes | NodeError]:
        """See `Session.read_small`."""
        return [self._or_error(partial(self._small, path)) for path in paths]

    def write_new_small(self, files: Sequence[tuple[str, bytes]]) -> list[Outcome]:
        """See `Session.write_new_small`."""
        if any(len(content) > _CHUNK for _, content in files):
            raise ValueError("a small file has no more bytes than one piece")
        return self._each(files, lambda file: self.write_new(file[0], [file[1]]))

    def _small(self, path: str) -> bytes:
        if self.disk.follow(path).stat().size > _CHUNK:
            raise FileTooLarge(path)
        return b"".join(self.read(path, most=_CHUNK))

    def _or_error(self, act: Callable[[], bytes]) -> bytes | NodeError:
        try:
            return act()
        except SessionLost:
            raise
        except NodeError as error:
            return error

    def make_folders(self, path: str) -> tuple[str, ...]:
        """See `Session.make_folders`."""
        way = levels(path)
        missing = missing_levels(list(zip(way, self.stat_many(way), strict=True)))
        for level in missing:
            self.disk.find(level)
            self.disk.put_folder(level)
        return tuple(missing)

    def make_folders_many(self, paths: Sequence[str]) -> list[tuple[str, ...] | NodeError]:
        """See `Session.make_folders_many`."""
        made: list[tuple[str, ...] | NodeError] = []
        for path in paths:
            try:
                made.append(self.make_folders(path))
            except SessionLost:
                raise
            except NodeError as error:
                made.append(error)
        return made

    def remove_folder(self, path: str) -> None:
        """See `Session.remove_folder`."""
        self._alive()
        if self.disk.find(path) is None:
            return
        if self.disk.children(path):
            raise RemoteBusy(path)
        del self.disk.names[path]

    def free_space(self, path: str) -> Space | None:
        """See `Session.free_space`."""
        self._alive()
        self.disk.get(path)
        return Space(self.disk.capacity - self.disk.used, self.disk.capacity)

    def stat_many(self, paths: Sequence[str]) -> list[RemoteStat | NodeError | None]:
        """See `Session.stat_many`."""
        self._alive()
        found: list[RemoteStat | NodeError | None] = []
        for path in paths:
            try:
                found.append(self.stat(path))
            except NodeError as error:
                found.append(error)
        return found

    def link_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        """See `Session.link_many`."""
        return self._each(pairs, self._link)

    def replace_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        """See `Session.replace_many`."""
        refuse_same_names(pairs)
        return self._each(pairs, self._replace)

    def move_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        """See `Session.move_many`."""
        refuse_same_names(pairs)
        return self._each(pairs, self._move)

    def remove_many(self, paths: Sequence[str]) -> list[Outcome]:
        """See `Session.remove_many`."""
        return self._each(paths, self._remove)

    def set_mtime_many(self, items: Sequence[tuple[str, int]]) -> list[Outcome]:
        """See `Session.set_mtime_many`."""
        return self._each(items, self._set_mtime)

    def _alive(self) -> None:
        if self.lost:
            raise SessionLost()

    def _each(self, items: Sequence[_Item], act: Callable[[_Item], Any]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for item in items:
            self._alive()
            try:
                act(item)
            except SessionLost:
                raise
            except NodeError as error:
                outcomes.append(error)
            else:
                outcomes.append(None)
        return outcomes

    def _link(self, pair: tuple[str, str]) -> None:
        old, new = pair
        inode = self.disk.get(old)
        self.disk.get_folder(parent_of(new))
        if self.disk.find(new) is not None:
            raise RemoteFileExists(new)
        self.disk.names[new] = inode

    def _replace(self, pair: tuple[str, str]) -> None:
        old, new = pair
        inode = self.disk.get(old)
        self.disk.get_folder(parent_of(new))
        there = self.disk.find(new)
        self.disk.free_to_change(new)
        self.disk.free_to_change(old)
        if there is not None and there.kind is FileKind.FOLDER and inode.kind is not FileKind.FOLDER:
            raise RemoteBusy(new)
        self.disk.move(old, new)

    def _move(self, pair: tuple[str, str]) -> None:
        old, new = pair
        if self.disk.get(old) is not None and self.disk.find(new) is not None:
            raise RemoteFileExists(new)
        self._replace(pair)

    def _remove(self, path: str) -> None:
        inode = self.disk.find(path)
        if inode is None:
            return
        if inode.kind is FileKind.FOLDER:
            raise RemoteBusy(path)
        self.disk.free_to_change(path)
        del self.disk.names[path]

    def _set_mtime(self, item: tuple[str, int]) -> None:
        path, mtime_ns = item
        seconds = min(max(mtime_ns // NS, 0), LATEST_MTIME)
        self.disk.follow(path).mtime_ns = seconds * NS


def _entry(name: str, inode: Inode) -> RemoteEntry:
    raw = name.encode(errors="surrogateescape")
    try:
        return RemoteEntry(raw.decode(), inode.stat())
    except UnicodeDecodeError:
        return RemoteEntry(raw.decode(errors="backslashreplace"), inode.stat(), raw)


__all__ = ["Commands", "FakeDisk", "FakeSession"]
