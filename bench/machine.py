"""This machine: where trees lie, how much of them fits, and what results say of it."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_MEMORY = Path("/dev/shm")


@contextmanager
def place_to_work() -> Iterator[Path]:
    """A folder of this run's own, in memory where the machine has such a file system; removed at the end."""
    usable = os.path.ismount(IN_MEMORY) and os.access(IN_MEMORY, os.W_OK | os.X_OK)
    place = Path(tempfile.mkdtemp(prefix="cp-bench-", dir=IN_MEMORY if usable else None))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def file_system(place: Path) -> str:
    """The kind of file system that a folder lies on, as the kernel calls it."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return max((len(mount), kind) for _, mount, kind, *_ in mounts if place.is_relative_to(mount))[1]


def described(place: Path) -> str:
    """In a few words, for whoever reads the results: cores, memory, file system, system, Python."""
    memory = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory} of memory, trees and data on {file_system(place)}, {system}"


def free_bytes(place: Path) -> int:
    """What may be written there without leaving memory."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    return min(available, shutil.disk_usage(place).free)
