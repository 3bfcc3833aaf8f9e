"""Named faults, each a session around another one. For faults of the wire itself see `tests/proxy.py`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from nodes.command import CommandResult
from nodes.errors import NodeError, NoSpace, RemoteBusy, RemoteDenied, SessionLost, TimedOut
from nodes.remote.session import Outcome, Progress, RemoteEntry, RemoteStat, Session, Space, Written

_Item = TypeVar("_Item")


class Through:
    """Passes everything on. A fault overrides what it spoils; `before` sees every verb by name first."""

    def __init__(self, inner: Session) -> None:
        self.inner = inner

    def before(self, verb: str) -> None:
        """Called with the name of each verb before it is passed on; may raise."""

    def run(
        self,
        command_line: str,
        *,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float,
        max_output: int = 8 * 1024 * 1024,
        progress: Progress | None = None,
    ) -> CommandResult:
        self.before("run")
        return self.inner.run(command_line, stdin=stdin, timeout=timeout, max_output=max_output, progress=progress)

    def stat(self, path: str) -> RemoteStat | None:
        self.before("stat")
        return self.inner.stat(path)

    def home(self) -> str:
        self.before("home")
        return self.inner.home()

    def list_folder(self, path: str, *, progress: Progress | None = None) -> Sequence[RemoteEntry]:
        self.before("list_folder")
        return self.inner.list_folder(path, progress=progress)

    def entries(self, path: str, *, progress: Progress | None = None) -> Iterator[Sequence[RemoteEntry]]:
        self.before("entries")
        return self.inner.entries(path, progress=progress)

    def read(self, path: str, *, most: int, progress: Progress | None = None) -> Iterator[bytes]:
        self.before("read")
        return self.inner.read(path, most=most, progress=progress)

    def write_new(self, path: str, chunks: Iterable[bytes], *, progress: Progress | None = None) -> Written:
        self.before("write_new")
        return self.inner.write_new(path, chunks, progress=progress)

    def read_small(self, paths: Sequence[str]) -> list[bytes | NodeError]:
        self.before("read_small")
        return self.inner.read_small(paths)

    def write_new_small(self, files: Sequence[tuple[str, bytes]]) -> list[Outcome]:
        self.before("write_new_small")
        return self.inner.write_new_small(files)

    def make_folders(self, path: str) -> tuple[str, ...]:
        self.before("make_folders")
        return self.inner.make_folders(path)

    def make_folders_many(self, paths: Sequence[str]) -> list[tuple[str, ...] | NodeError]:
        self.before("make_folders_many")
        return self.inner.make_folders_many(paths)

    def remove_folder(self, path: str) -> None:
        self.before("remove_folder")
        self.inner.remove_folder(path)

    def free_space(self, path: str) -> Space | None:
        self.before("free_space")
        return self.inner.free_space(path)

    def stat_many(self, paths: Sequence[str]) -> list[RemoteStat | NodeError | None]:
        self.before("stat_many")
        return self.inner.stat_many(paths)

    def link_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        self.before("link_many")
        return self.inner.link_many(pairs)

    def replace_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        self.before("replace_many")
        return self.inner.replace_many(pairs)

    def move_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        self.before("move_many")
        return self.inner.move_many(pairs)

    def remove_many(self, paths: Sequence[str]) -> list[Outcome]:
        self.before("remove_many")
        return self.inner.remove_many(paths)

    def set_mtime_many(self, items: Sequence[tuple[str, int]]) -> list[Outcome]:
        self.before("set_mtime_many")
        return self.inner.set_mtime_many(items)


class DropsAfter(Through):
    """The connection breaks once `n_bytes` of file content moved; from then on nothing works."""

    def __init__(self, inner: Session, n_bytes: int) -> None:
        super().__init__(inner)
        self.left = n_bytes

    def before(self, verb: str) -> None:
        if self.left <= 0:
            raise SessionLost()

    def _moved(self, count: int) -> None:
        self.left -= count
        if self.left <= 0:
            raise SessionLost()

    def read(self, path: str, *, most: int, progress: Progress | None = None) -> Iterator[bytes]:
        self.before("read")
        for chunk in self.inner.read(path, most=most, progress=progress):
            self._moved(len(chunk))
            yield chunk

    def write_new(self, path: str, chunks: Iterable[bytes], *, progress: Progress | None = None) -> Written:
        self.before("write_new")
        taken: list[bytes] = []
        try:
            for chunk in chunks:
                self._moved(len(chunk))
                taken.append(chunk)
        except SessionLost:
            self.inner.write_new(path, taken)  # what arrived stays: nobody was left to remove it
            raise
        return self.inner.write_new(path, taken, progress=progress)


class DiesAt(Through):
    """The connection breaks at the `nth` call of a verb (1 is the first), before it does anything, and stays so."""

    def __init__(self, inner: Session, verb: str, nth: int = 1) -> None:
        super().__init__(inner)
        self._verb, self._left = verb, nth

    def before(self, verb: str) -> None:
        if verb == self._verb and self._left > 0:
            self._left -= 1
        if self._left == 0:
            raise SessionLost()


class Hangs(Through):
    """These verbs are never answered: they time out."""

    def __init__(self, inner: Session, verbs: Collection[str]) -> None:
        super().__init__(inner)
        self._verbs = verbs

    def before(self, verb: str) -> None:
        if verb in self._verbs:
            raise TimedOut()


class ShortReads(Through):
    """Content comes in tiny chunks."""

    def read(self, path: str, *, most: int, progress: Progress | None = None) -> Iterator[bytes]:
        for chunk in self.inner.read(path, most=most, progress=progress):
            for start in range(0, len(chunk), 7):
                yield chunk[start : start + 7]


class ChangesUnderYou(Through):
    """Another program acts (`change`) once, when the first content of a file is read."""

    def __init__(self, inner: Session, path: str, change: Callable[[], Any]) -> None:
        super().__init__(inner)
        self._path = path
        self._change: Callable[[], Any] | None = change

    def read(self, path: str, *, most: int, progress: Progress | None = None) -> Iterator[bytes]:
        for chunk in self.inner.read(path, most=most, progress=progress):
            yield chunk
            if path == self._path and self._change is not None:
                change, self._change = self._change, None
                change()


class FullDisk(Through):
    """The volume takes `room` more bytes and then no more."""

    def __init__(self, inner: Session, room: int = 0) -> None:
        super().__init__(inner)
        self.room = room

    def free_space(self, path: str) -> Space | None:
        space = self.inner.free_space(path)
        return space and Space(self.room, space.total)

    def write_new(self, path: str, chunks: Iterable[bytes], *, progress: Progress | None = None) -> Written:
        return self.inner.write_new(path, self._counted(path, chunks), progress=progress)

    def _counted(self, path: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if len(chunk) > self.room:
                raise NoSpace(path)
            self.room -= len(chunk)
            yield chunk


class _SpoilsNames(Through):
    """Some names fail with one error; the others pass, and outcomes keep their order."""

    error: type[NodeError]

    def __init__(self, inner: Session, paths: Collection[str]) -> None:
        super().__init__(inner)
        self.paths = set(paths)

    def _spoil(
        self, items: Sequence[_Item], names: Callable[[_Item], str], act: Callable[[Sequence[_Item]], list[Outcome]]
    ) -> list[Outcome]:
        passed = iter(act([item for item in items if names(item) not in self.paths]))
        return [self.error(names(item)) if names(item) in self.paths else next(passed) for item in items]


class RefusesRename(_SpoilsNames):
    """Nothing takes the place of these files."""

    error = RemoteBusy

    def replace_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        return self._spoil(pairs, lambda pair: pair[1], self.inner.replace_many)


class HeldOpen(RefusesRename):
    """Another program holds these files open, as on Windows: neither replaced nor removed. `paths` may change."""

    def remove_many(self, paths: Sequence[str]) -> list[Outcome]:
        return self._spoil(paths, lambda path: path, self.inner.remove_many)


class Denies(_SpoilsNames):
    """The login may not read these files nor list these folders."""

    error = RemoteDenied

    def read(self, path: str, *, most: int, progress: Progress | None = None) -> Iterator[bytes]:
        if path in self.paths:
            raise RemoteDenied(path)
        yield from self.inner.read(path, most=most, progress=progress)

    def list_folder(self, path: str, *, progress: Progress | None = None) -> Sequence[RemoteEntry]:
        if path in self.paths:
            raise RemoteDenied(path)
        return self.inner.list_folder(path, progress=progress)

    def entries(self, path: str, *, progress: Progress | None = None) -> Iterator[Sequence[RemoteEntry]]:
        if path in self.paths:
            raise RemoteDenied(path)
        yield from self.inner.entries(path, progress=progress)
