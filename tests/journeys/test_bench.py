"""`./run bench` from end to end, at sizes that take seconds: what it does and writes, not how fast."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import pairwise

import pytest

from bench import main, tables
from bench.portal import BenchPortal
from tests.journeys.portal import REPO

Bench = Callable[..., main.Entries]


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Iterator[Bench]:
    """Run one of the benchmarks on a portal that they share; what it answers went through a file of results."""
    place = tmp_path_factory.mktemp("bench")
    portal = BenchPortal(place / "data")

    def run(*words: str) -> main.Entries:
        arguments = main.parse([*words, "--files", "60"])
        arguments.json = place / "results.json"
        arguments.json.unlink(missing_ok=True)
        main.keep(arguments, main.measured(arguments, lambda: nullcontext(portal), place))
        entries: main.Entries = json.loads(arguments.json.read_text())
        return entries

    try:
        portal.start()
        yield run
    finally:
        portal.stop()


def page_with(entries: main.Entries) -> str:
    return tables.written((REPO / "docs" / "performance.md").read_text("utf-8"), entries)


def test_replication_beside_rsync(bench) -> None:
    entries = bench("replication", "--nodes", "2", "--rounds", "1", "--sftp")
    alone = [entry for entry in entries if "SFTP only" in entry["case"]]
    assert alone and all((entry["peer"], entry["peer_s"], entry["ratio"]) == ("", None, None) for entry in alone)
    entries = entries[: -len(alone)]
    pairs = list(zip(entries[::2], entries[1::2], strict=True))
    cases = ["initial", "nothing changed", "one file changed", "20 files changed"]
    assert [plain["case"] for plain, _ in pairs][:4] == cases
    for plain, opened in pairs:
        assert plain["case"] == opened["case"] and plain["ours_s"] == opened["ours_s"] > 0
        assert "open connections" in opened["peer"] and "open connections" not in plain["peer"]
    for entry in entries:
        assert (entry["bench"], entry["nodes"], entry["files"]) == ("replication", 2, 60)
        assert entry["peer_s"] > 0 and entry["ratio"] == round(entry["ours_s"] / entry["peer_s"], 3)
        assert {"web", "worker", "remote", "beat", "redis"} <= entry["peak_bytes"].keys()
        assert entry["commits"] > 0 and entry["rows"]["replication_target"] == 2
        assert {"snapshot-taken", "nodes-planned"} <= entry["phases"]["plan"].keys()
        assert {"looked", "proven"} <= entry["phases"]["nodes"].keys()
    initial, nothing = entries[0], entries[2]
    assert initial["sent_bytes"] > nothing["sent_bytes"] > 0
    assert initial["peer_sent_bytes"] > nothing["peer_sent_bytes"] > 0
    assert (initial["settle_s"], nothing["settle_s"]) == (0.2, 0.0)
    page = page_with([*entries, *alone])
    assert all(f"| {case} |" in page for case in [*cases, "initial, SFTP only"])


def test_a_watched_change_and_an_idle_portal(bench) -> None:
    (change,) = bench("watch", "--nodes", "1", "--changes", "1", "--profile", "mdaemon-bench")
    assert change["p50_s"] == change["p95_s"] == change["ours_s"] > change["waits_s"]["settle"]
    (idle,) = bench("idle", "--nodes", "1", "--seconds", "1", "--warm-up", "0")
    assert idle["span_s"] >= 1 and idle["processor_percent"].keys() == idle["written_bytes_hour"].keys()
    page = page_with([change, idle])
    assert "| 1 | 60 | 1 |" in page and "**1 node, 60 files**" in page


def test_what_does_not_fit_into_memory_is_left_out(bench, capsys) -> None:
    with pytest.raises(FileNotFoundError):  # no results, no file
        bench("replication", "--nodes", "1000", "--file-bytes", "1000000000")
    assert "left out, the trees do not fit" in capsys.readouterr().out


def test_every_benchmark_has_its_place_in_the_page() -> None:
    page = (REPO / "docs" / "performance.md").read_text("utf-8")
    places = [page.index(mark) for name in main.MEASURED for mark in (f"<!-- {name} -->", f"<!-- end of {name} -->")]
    assert tables.MAKERS.keys() == main.MEASURED.keys()
    assert all(first < then for first, then in pairwise(places))
