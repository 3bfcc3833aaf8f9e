"""The door of `./run bench`: `python -m bench.main NAME [options]`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.nodes import JobFailed, Size
from bench.portal import BenchPortal
from bench.replication import measure, measure_sftp
from replication.backup.data_folder import given_path
from tests import surroundings

IN_MEMORY = Path("/dev/shm")
FILE_BYTES = 9200
"""5,000 of them are 46 MB."""

KEPT_FREE = 0.8
"""The share of the free memory that trees may take."""

Entries = list[dict[str, Any]]


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    what = "Measurements of a whole portal on real nodes on this machine."
    parser = argparse.ArgumentParser(prog="./run bench", allow_abbrev=False, description=what)
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    replication = names.add_parser("replication", help="jobs beside rsync on the same nodes, in one run")
    replication.add_argument("--nodes", type=_numbers, default=[20], help="secondaries, as in 5,20,40 (20)")
    replication.add_argument("--files", type=_numbers, default=[5000], help="files of a tree, as in 1000,5000 (5000)")
    replication.add_argument("--file-bytes", type=int, default=FILE_BYTES, help=f"of a file on average ({FILE_BYTES})")
    replication.add_argument("--rounds", type=int, default=5, help="of each small case, of which the median counts (5)")
    replication.add_argument("--initial-rounds", type=int, default=1, help="of the initial copy, each to new nodes (1)")
    replication.add_argument("--sftp", action="store_true", help="also one secondary that gives SFTP alone")
    for parser_of in (replication,):
        parser_of.add_argument("--json", type=given_path, metavar="FILE", help="write the results there")
    return parser.parse_args(argv or ["--help"])


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def run(arguments: argparse.Namespace, place: Path) -> Entries:
    """Measure; the portal and all that is made for it ends with this call."""
    portal = BenchPortal(place / "data")
    try:
        portal.start()
        return _replication(arguments, portal, place)
    finally:
        portal.stop()


def _replication(arguments: argparse.Namespace, portal: BenchPortal, place: Path) -> Entries:
    results = []
    sizes = [Size(nodes, files, arguments.file_bytes) for nodes in arguments.nodes for files in arguments.files]
    for size in sizes:
        if size.needed > KEPT_FREE * free_bytes(place):
            say(f"{size.nodes} nodes, {size.files} files: left out, the trees do not fit into this machine's memory")
            continue
        results += measure(portal, place, size, arguments.rounds, arguments.initial_rounds, say)
    if arguments.sftp:
        results += measure_sftp(portal, place, sizes[0], arguments.rounds, say)
    return [result.as_json() for result in results]


@contextmanager
def place_to_work() -> Iterator[Path]:
    """A folder of this run's own, in memory where the machine has such a file system; removed at the end."""
    home = IN_MEMORY if os.access(IN_MEMORY, os.W_OK | os.X_OK) and os.path.ismount(IN_MEMORY) else None
    place = Path(tempfile.mkdtemp(prefix="cp-bench-", dir=home))
    say(f"Trees and data lie on {file_system(place)}{'' if home else ', as there is no /dev/shm to write to'}.")
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def file_system(place: Path) -> str:
    """The kind of file system that a folder lies on, as the kernel calls it."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    around = [(len(mount), kind) for _, mount, kind, *_ in mounts if place.is_relative_to(mount)]
    return max(around)[1]


def free_bytes(place: Path) -> int:
    """What may be written there without leaving memory."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    return min(available, shutil.disk_usage(place).free)


def say(text: str) -> None:
    """A line for the person who watches."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def main(argv: Sequence[str]) -> int:
    """Measure, and write what was asked for; 1 where a job did not succeed."""
    arguments = parse(argv)
    surroundings.neutral()
    try:
        with place_to_work() as place:
            entries = run(arguments, place)
    except (JobFailed, RuntimeError) as error:
        say(f"FAILED: {error}")
        return 1
    if arguments.json:
        arguments.json.write_text(json.dumps(entries, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
