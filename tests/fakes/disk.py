"""The disk of a fake node: names, contents, and the ways a disk says no."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from nodes.errors import NoSpace, RemoteBusy, RemoteDenied, RemoteFileMissing
from nodes.remote.packets import NS, path_bytes
from nodes.remote.session import FileKind, RemoteStat


@dataclass(slots=True, eq=False)
class Inode:
    """What a name stands for; hard links share one. `target` is a link's."""

    kind: FileKind
    mtime_ns: int
    data: bytearray = field(default_factory=bytearray)
    target: str = ""

    def stat(self) -> RemoteStat:
        """Its facts, with SFTP's whole seconds."""
        return RemoteStat(self.kind, len(self.data), self.mtime_ns // NS * NS)


class FakeDisk:
    """A tree of names in memory, shared by the sessions of a fake node.

    `denied` and `held` name paths that refuse access or are held open by another program; `capacity` is in bytes.
    A name that is no valid UTF-8 is kept with surrogate escapes.
    """

    def __init__(self, *, capacity: int = 2**40, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.names: dict[str, Inode] = {"/": Inode(FileKind.FOLDER, now_ns())}
        self.denied: set[str] = set()
        self.held: set[str] = set()
        self.capacity = capacity
        self.now_ns = now_ns

    def put(self, path: str, data: bytes, *, mtime_ns: int | None = None) -> None:
        """Set a file as another program would, with its folders."""
        self.put_folder(path.rpartition("/")[0])
        mtime = self.now_ns() if mtime_ns is None else mtime_ns
        self.names[path] = Inode(FileKind.FILE, mtime, bytearray(data))

    def put_folder(self, path: str) -> None:
        """Make a folder with its parents."""
        while path not in ("", "/"):
            self.names.setdefault(path, Inode(FileKind.FOLDER, self.now_ns()))
            path = path.rpartition("/")[0]

    def put_link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        self.put_folder(path.rpartition("/")[0])
        self.names[path] = Inode(FileKind.LINK, self.now_ns(), target=target)

    def content(self, path: str) -> bytes:
        """A file's bytes."""
        return bytes(self.names[path].data)

    @property
    def used(self) -> int:
        """Bytes in files, hard links counted once."""
        return sum(len(inode.data) for inode in set(self.names.values()))

    def find(self, path: str) -> Inode | None:
        """What a name stands for. Raises RemoteDenied, Unsupported for a path that cannot be spelled."""
        path_bytes(path)
        name = path.rstrip("/") or "/"
        for part in _ways(name):
            if part in self.denied:
                raise RemoteDenied(path)
        return self.names.get(name)

    def get(self, path: str) -> Inode:
        """The same; raises RemoteFileMissing where nothing is."""
        inode = self.find(path)
        if inode is None:
            raise RemoteFileMissing(path)
        return inode

    def get_folder(self, path: str) -> Inode:
        """A folder; anything else counts as missing, as servers say."""
        inode = self.get(path)
        if inode.kind is not FileKind.FOLDER:
            raise RemoteFileMissing(path)
        return inode

    def follow(self, path: str) -> Inode:
        """What a name stands for behind a link."""
        inode = self.get(path)
        return self.get(inode.target) if inode.kind is FileKind.LINK else inode

    def children(self, path: str) -> dict[str, Inode]:
        """The names in a folder."""
        start = path.rstrip("/") + "/"
        return {
            name[len(start) :]: inode
            for name, inode in self.names.items()
            if name.startswith(start) and name != start and "/" not in name[len(start) :]
        }

    def move(self, old: str, new: str) -> None:
        """Give a name, and what is beneath it, another."""
        for name in [name for name in self.names if name == old or name.startswith(old + "/")]:
            self.names[new + name[len(old) :]] = self.names.pop(name)

    def free_to_change(self, path: str) -> None:
        """Raise RemoteBusy while another program holds the file open."""
        if path in self.held:
            raise RemoteBusy(path)

    def grow(self, inode: Inode, data: bytes, path: str) -> None:
        """Append. Raises NoSpace."""
        if self.used + len(data) > self.capacity:
            raise NoSpace(path)
        inode.data += data


def _ways(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(2, len(parts) + 1)]
