"""Reading files that running processes make, move and remove meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path


def contents(paths: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    """Every file that is still there when its turn comes.

    A database's log is read before the database: what moves from the one into the other meanwhile is seen in one of
    them, and the log is gone when the last process closes it.
    """
    for path in sorted(paths, reverse=True):
        with suppress(FileNotFoundError):
            if path.is_file():
                yield path, path.read_bytes()


def found(root: Path, pattern: str) -> list[Path]:
    """What lies beneath a folder now; searched again where one of its folders vanishes under the search."""
    while True:
        with suppress(FileNotFoundError):
            return list(root.rglob(pattern))
