"""The nodes that the contract suite runs on: each a session, and a way past it to its files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nodes.remote.session import Session
from tests.fakes.node import FakeDisk


class Files(Protocol):
    """What is on the node's disk, by other means than the session. Paths are absolute."""

    def put(self, path: str, data: bytes) -> None: ...

    def put_link(self, path: str, target: str) -> None: ...

    def put_raw_name(self, folder: str, name: bytes) -> None: ...

    def content(self, path: str) -> bytes: ...

    def exists(self, path: str) -> bool: ...

    def seconds(self, path: str) -> int: ...


class RealFiles:
    def put(self, path: str, data: bytes) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(data)

    def put_link(self, path: str, target: str) -> None:
        Path(path).symlink_to(target)

    def put_raw_name(self, folder: str, name: bytes) -> None:
        descriptor = os.open(os.fsencode(folder) + b"/" + name, os.O_CREAT | os.O_WRONLY)
        os.close(descriptor)

    def content(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def exists(self, path: str) -> bool:
        return os.path.lexists(path)

    def seconds(self, path: str) -> int:
        return int(Path(path).stat().st_mtime)


class FakeFiles:
    def __init__(self, disk: FakeDisk) -> None:
        self._disk = disk

    def put(self, path: str, data: bytes) -> None:
        self._disk.put(path, data)

    def put_link(self, path: str, target: str) -> None:
        self._disk.put_link(path, target)

    def put_raw_name(self, folder: str, name: bytes) -> None:
        self._disk.put(f"{folder}/{os.fsdecode(name)}", b"")

    def content(self, path: str) -> bytes:
        return self._disk.content(path)

    def exists(self, path: str) -> bool:
        return path in self._disk.names

    def seconds(self, path: str) -> int:
        return self._disk.names[path].mtime_ns // 1_000_000_000


@dataclass(frozen=True)
class ContractNode:
    """A node under test. `root` is an empty folder of the test's own."""

    kind: str
    session: Session
    files: Files
    root: str
    runs_commands: bool
    close: Callable[[], None]

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def put(self, name: str, data: bytes = b"x") -> str:
        path = self.path(name)
        self.files.put(path, data)
        return path

    def content(self, name: str) -> bytes:
        return self.files.content(self.path(name))

    def exists(self, name: str) -> bool:
        return self.files.exists(self.path(name))

    def read(self, name: str) -> bytes:
        return b"".join(self.session.read(self.path(name), most=1 << 30))
