"""The door of `./run bench`: `python -m bench.main NAME [options]`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from bench.idling import measure_idle
from bench.machine import described, free_bytes, place_to_work
from bench.nodes import JobFailed, Size
from bench.portal import Portals, new_portal
from bench.replication import measure, measure_sftp
from bench.results import Result, size_of
from bench.tables import written
from bench.watching import PROFILE, measure_watch
from replication.backup.data_folder import given_path
from tests import surroundings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
FILE_BYTES = 9200
"""5,000 of them are 46 MB."""

FREE_SHARE = 0.8
"""The share of the free memory that trees may take."""

Entries = list[dict[str, Any]]


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    what = "Measurements of a whole portal on real nodes on this machine."
    parser = argparse.ArgumentParser(prog="./run bench", allow_abbrev=False, description=what)
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")

    replication = names.add_parser("replication", help="jobs beside rsync on the same nodes, in one run")
    replication.add_argument("--rounds", type=int, default=5, help="of each small case, of which the median counts (5)")
    replication.add_argument("--initial-rounds", type=int, default=1, help="of the initial copy, each to new nodes (1)")
    replication.add_argument("--sftp", action="store_true", help="also one secondary that gives SFTP alone")
    replication.add_argument(
        "--alone", action="store_true", help="without rsync, which doubles what must fit in memory"
    )

    watch = names.add_parser("watch", help="from a change on the primary to its proof on all nodes, unasked")
    watch.add_argument("--changes", type=int, default=50, help="how many, one after the other (50)")
    watch.add_argument("--profile", default=PROFILE, help=f"whose waits count ({PROFILE}, the delivered one)")

    idle = names.add_parser("idle", help="what a portal costs while nothing happens")
    idle.add_argument("--seconds", type=float, default=300.0, help="to look on (300)")
    idle.add_argument("--warm-up", type=float, default=60.0, help="seconds after the last job before that (60)")

    for one, nodes in ((replication, 20), (watch, 20), (idle, 3)):
        _common(one, nodes)
    docs = names.add_parser("docs", help="write the tables of docs/performance.md from files of results")
    docs.add_argument("results", nargs="+", type=given_path, metavar="FILE", help="what --json wrote")
    return parser.parse_args(argv or ["--help"])


def _common(parser: argparse.ArgumentParser, nodes: int) -> None:
    parser.add_argument("--nodes", type=_numbers, default=[nodes], help=f"secondaries, as in 5,20,40 ({nodes})")
    parser.add_argument("--files", type=_numbers, default=[5000], help="files of a tree, as in 1000,5000 (5000)")
    parser.add_argument("--file-bytes", type=int, default=FILE_BYTES, help=f"of a file on average ({FILE_BYTES})")
    parser.add_argument("--json", type=given_path, metavar="FILE", help="write the results there")
    parser.add_argument("--write-docs", action="store_true", help="write them into docs/performance.md")


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def measured(arguments: argparse.Namespace, portals: Portals, place: Path) -> Iterator[Entries]:
    """What was asked for, size by size. Raises JobFailed."""
    origin = {"bench": arguments.name, "machine": described(place)}
    shape = {"file_bytes": arguments.file_bytes, "alone": getattr(arguments, "alone", True)}
    sizes = [Size(nodes, files, **shape) for nodes in arguments.nodes for files in arguments.files]
    for size in sizes:
        if size.needed > FREE_SHARE * free_bytes(place):
            say(f"{size_of(size)}: left out, the trees do not fit into the free memory")
        else:
            yield [result.as_json() | origin for result in MEASURED[arguments.name](arguments, portals, place, size)]
    if getattr(arguments, "sftp", False):
        yield [result.as_json() | origin for result in measure_sftp(portals, place, sizes[0], arguments.rounds, say)]


def _replication(arguments: argparse.Namespace, portals: Portals, place: Path, size: Size) -> list[Result]:
    return measure(portals, place, size, arguments.rounds, arguments.initial_rounds, say)


def _watch(arguments: argparse.Namespace, portals: Portals, place: Path, size: Size) -> list[Result]:
    result = measure_watch(portals, place, size, arguments.changes, arguments.profile)
    both = f"p50 {result.more['p50_s']} s, p95 {result.more['p95_s']} s"
    say(f"{size_of(size)}, {result.case}: {both}")
    return [result]


def _idle(arguments: argparse.Namespace, portals: Portals, place: Path, size: Size) -> list[Result]:
    result = measure_idle(portals, place, size, arguments.seconds, arguments.warm_up)
    more = result.more
    shares = ", ".join(f"{name} {percent} %" for name, percent in more["processor_percent"].items())
    hour = f"{more['commits_hour']} commits, {sum(more['rows_hour'].values())} rows"
    say(f"{size_of(size)}, idle for {more['span_s']} s: {shares}; an hour of it: {hour}")
    return [result]


MEASURED: Mapping[str, Callable[..., list[Result]]] = {"replication": _replication, "watch": _watch, "idle": _idle}


def write_page(entries: Entries) -> None:
    """Put the tables of these results into the page."""
    PAGE.write_text(written(PAGE.read_text("utf-8"), entries), "utf-8")


def say(text: str) -> None:
    """A line for the person who watches."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def main(argv: Sequence[str]) -> int:
    """Measure, and write what was asked for; 1 where a job did not succeed."""
    arguments = parse(argv)
    if arguments.name == "docs":
        write_page([entry for path in arguments.results for entry in json.loads(path.read_text())])
        return 0
    surroundings.neutral()
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, _end)
    try:
        with place_to_work() as place:
            say(f"Measuring on {described(place)}.")
            keep(arguments, measured(arguments, partial(new_portal, place), place))
    except (JobFailed, RuntimeError, AssertionError) as error:
        say(f"FAILED: {error}")
        return 1
    return 0


def keep(arguments: argparse.Namespace, parts: Iterable[Entries]) -> None:
    """Write what was asked for after each part, so that one that fails takes none of those before it along."""
    entries: Entries = []
    for part in parts:
        entries += part
        if arguments.json:
            arguments.json.write_text(json.dumps(entries, indent=1) + "\n")
        if arguments.write_docs:
            write_page(entries)


def _end(number: int, _frame: FrameType | None) -> None:
    """End by the way that ends what was started, too."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
