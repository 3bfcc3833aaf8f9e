"""The store's folder: where things lie, atomic and durable writes, and a lock that many processes share.

`loose/ab/<name>` and `secret/ab/<name>` hold one object each, `packs/` many small ones, `names.key` the name key,
`.tmp` what is being written. A file appears whole or not at all: written and flushed under `.tmp`, renamed, its folder
flushed. Whoever adds or relies on something holds the lock shared; whoever removes holds it alone.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from replication.objects.errors import StoreUnusable

LOOSE, SECRET, PACKS, TEMPORARY, LOCK = "loose", "secret", "packs", ".tmp", ".lock"
FRESH_SECONDS = 600
"""A file used again is marked as young at most this often."""


class Disk:
    """The folder of one store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with disk_errors():
            for folder in (LOOSE, SECRET, PACKS, TEMPORARY):
                (root / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            root.chmod(0o700)
            (root / LOCK).touch(mode=0o600)

    def loose_path(self, name: bytes, *, secret: bool) -> Path:
        """Where an object of its own file lies."""
        text = name.hex()
        return self.root / (SECRET if secret else LOOSE) / text[:2] / text

    def loose_files(self, *, secret: bool) -> Iterator[tuple[bytes, Path]]:
        """The name and place of every object that has a file of its own; strangers' files are passed over."""
        for path in sorted((self.root / (SECRET if secret else LOOSE)).glob("??/*")):
            with suppress(ValueError):
                yield bytes.fromhex(path.name), path

    def is_empty(self) -> bool:
        """Whether the store holds no object."""
        return not any(next((self.root / folder).iterdir(), None) for folder in (LOOSE, SECRET, PACKS))

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the store so that nothing is removed meanwhile."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the store alone: nobody adds to it or counts on what is there meanwhile."""
        with self._locked(fcntl.LOCK_EX):
            yield

    @contextmanager
    def _locked(self, mode: int) -> Iterator[None]:
        # a descriptor of its own for each holder: threads of one process exclude one another too
        descriptor = os.open(self.root / LOCK, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, mode)
            yield
        finally:
            os.close(descriptor)

    def new_file(self) -> BinaryIO:
        """An empty file under `.tmp`, readable and writable; its `name` is its path."""
        with disk_errors():
            path = self.root / TEMPORARY / secrets.token_hex(16)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.close(descriptor)
            return path.open("r+b")

    def place(self, moves: Iterable[tuple[Path, Path]]) -> None:
        """Give flushed temporary files their names, durably. The caller holds the lock."""
        with disk_errors():
            folders = set()
            for temporary, final in moves:
                if not final.parent.is_dir():
                    final.parent.mkdir(mode=0o700, exist_ok=True)
                    folders.add(final.parent.parent)
                temporary.rename(final)
                folders.add(final.parent)
            for folder in folders:
                flush_folder(folder)

    def read(self, name: str) -> bytes:
        """A small file of the store's own. Raises FileNotFoundError."""
        return (self.root / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Replace a small file of the store's own."""
        self.place([(self._written(data), self.root / name)])

    def write_if_absent(self, name: str, data: bytes) -> None:
        """Make a small file of the store's own unless it is there."""
        temporary = self._written(data)
        with disk_errors(), suppress(FileExistsError):
            (self.root / name).hardlink_to(temporary)
            flush_folder(self.root)
        temporary.unlink()

    def _written(self, data: bytes) -> Path:
        with disk_errors(), self.new_file() as file:
            file.write(data)
            flush(file)
            return Path(file.name)

    def remove_leftovers(self, older_than_seconds: float) -> None:
        """Drop temporary files that nobody has written to for so long."""
        limit = time.time() - older_than_seconds
        for path in (self.root / TEMPORARY).iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < limit:
                    path.unlink()


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn the system's refusals into the store's sentence."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        text = f"The object store cannot be written: {error.strerror}. Check the volume of the data folder."
        raise StoreUnusable(text) from error


def flush(file: BinaryIO) -> None:
    """Bring a file's bytes to the disk."""
    file.flush()
    os.fsync(file.fileno())


def flush_path(path: Path) -> None:
    """Bring the bytes of a file that was written and closed to the disk."""
    with disk_errors(), path.open("rb") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def freshen(path: Path) -> bool:
    """Mark a file as used just now, so that no sweep takes it; False where it is gone. The caller holds the lock."""
    try:
        if time.time() - path.stat().st_mtime > FRESH_SECONDS:
            os.utime(path)
    except FileNotFoundError:
        return False
    return True
