"""What find says of a fake disk."""

from __future__ import annotations

from collections.abc import Mapping

from nodes.remote.session import FileKind
from tests.fakes.disk import FakeDisk, Inode

_LETTERS = {FileKind.FILE: "f", FileKind.FOLDER: "d", FileKind.LINK: "l"}


def inside(disk: FakeDisk, root: str) -> Mapping[str, Inode]:
    """All that is beneath a folder, by its path there."""
    return {name[len(root) + 1 :]: inode for name, inode in disk.names.items() if name.startswith(f"{root}/")}


def find_records(disk: FakeDisk, root: str) -> bytes:
    """A POSIX node's listing of a folder; on a fake disk nothing but writing moves a change time."""
    return b"".join(_record(path, inode) for path, inode in inside(disk, root).items())


def _record(path: str, inode: Inode) -> bytes:
    moment = f"{inode.mtime_ns // 10**9}.{inode.mtime_ns % 10**9:09}0"
    return f"{_LETTERS[inode.kind]}\t{len(inode.data)}\t{moment}\t{moment}\t{path}\0".encode()
