"""What a tree of files was at one moment: the value that scan hands to compare.

A manifest holds files only; folders come into being with their files. Paths are relative to the node's installation
folder. Hashes are SHA-256 in lower-case hex, times nanoseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from replication.files.core.paths import RelPath

RACY = -1
"""Stored as `change_ns` of a file that was modified so shortly before the scan that a later change could hide behind
the same size and times; such a file is read again next time."""


@dataclass(frozen=True, slots=True)
class FileState:
    """One file. `change_ns` is the inode change time where the node tells it. `stale`: could not be read this time,
    carried over from the parent snapshot."""

    size: int
    mtime_ns: int
    sha256: str
    change_ns: int | None = None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something on a node that keeps one path from being handled: reported by name, never fatal to the rest.

    `code`: unreadable, vanished, bad_name, not_a_file, collision, changing, broken_ini, ...
    """

    path: str
    code: str
    detail: str = ""

    @property
    def words(self) -> str:
        """What is wrong with the path, for people."""
        return ": ".join(filter(None, (self.code.replace("_", " "), self.detail)))


@dataclass(frozen=True, slots=True)
class Manifest:
    """All config files of one node, and what stood in the way of knowing them.

    `unlisted` names places (relative, "" = everything) that could not be looked into, such as folders that could not be
    listed and links: nothing at or beneath them may be taken as deleted.
    """

    files: Mapping[RelPath, FileState] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    unlisted: tuple[str, ...] = ()
    unclassified: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Total size of the files in bytes."""
        return sum(state.size for state in self.files.values())
