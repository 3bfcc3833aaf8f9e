"""The tables that the page about speed gets."""

from __future__ import annotations

from typing import Any

from bench.tables import growth_table, phase_table, seconds_table, written

PAGE = "# Page\n<!-- replication -->\nold\n<!-- end of replication -->\n<!-- idle -->\nkept\n<!-- end of idle -->\n"
OPEN = "rsync, over open connections"


def entry(case: str, ours: float, theirs: float | None, **more: Any) -> dict[str, Any]:
    return {
        "bench": "replication",
        "machine": "2 cores, trees and data on tmpfs",
        "case": case,
        "ours_s": ours,
        "peer": "rsync" if theirs else "",
        "peer_s": theirs,
        "ratio": ours / theirs if theirs else None,
        "nodes": 20,
        "files": 5000,
        "bytes": 46_000_000,
        "settle_s": 0.0,
        "answer_s": 0.0,
        "sent_bytes": 1_500_000,
        "peer_sent_bytes": 500_000 if theirs else None,
        "peak_bytes": {"web": 120_000_000, "remote": 300_000_000},
        "commits": 9,
        "rows": {"replication_target": 20, "replication_job": 1},
        "written_bytes": {"web": 100_000, "remote": 2_000_000},
        "phases": {"waited": 0.1, "planned": 2.0, "drove": None, "plan": {"snapshot-taken": 1.5}, "nodes": {}},
        **more,
    }


def test_only_what_was_measured_is_written_anew() -> None:
    page = written(PAGE, [entry("one file changed", 2.0, 4.0)])
    assert "old" not in page and page.endswith("<!-- idle -->\nkept\n<!-- end of idle -->\n")
    assert "Measured on 2 cores, trees and data on tmpfs." in page
    assert written(page, [entry("one file changed", 2.0, 4.0)]) == page
    assert "| 20 | 5,000 | one file changed | 1.5 MB | 0.5 MB | 300.0 MB | 120.0 MB | 9 | 21 | 2.1 MB |" in page


def test_a_case_is_one_row_beside_both_peers() -> None:
    opened = {"peer": OPEN, "peer_s": 1.0, "ratio": 2.0}
    rows = list(seconds_table([entry("one", 2.0, 4.0, settle_s=0.2, answer_s=0.1), entry("one", 2.0, 1.0, **opened)]))
    assert "**20 nodes, 5,000 files, 46.0 MB**" in rows
    assert rows[-1] == "| one | 2.00 s (0.3 s of it standing still) | 4.00 s | 0.50 | 1.00 s | 2.00 |"


def test_without_a_peer_its_cells_say_nothing() -> None:
    assert list(seconds_table([entry("one", 2.0, None)]))[-1] == "| one | 2.00 s | - | - | - | - |"


def test_phases_name_the_longest_first_and_no_short_ones() -> None:
    nodes = {
        "looked": {"median": 1.0, "longest": 1.25},
        "staged": {"median": 1.0, "longest": 3.0},
        "kept": {"median": 0.0, "longest": 0.01},
    }
    phases = {"waited": 0.1, "planned": 2.0, "drove": 5.0, "plan": {}, "nodes": nodes}
    row = list(phase_table([entry("one", 2.0, 4.0, phases=phases)]))[-1]
    assert row == "| 20 | 5,000 | one | 0.10 s | 2.00 s | - | 5.00 s | staged 3.00 s, looked 1.25 s |"


def test_growth_is_told_where_several_sizes_were_measured() -> None:
    small, large = entry("one", 1.0, 2.0, nodes=5), entry("one", 4.0, 3.5, nodes=20)
    opened = entry("one", 9.0, 1.0, nodes=20, peer=OPEN)
    assert list(growth_table([small])) == []
    rows = list(growth_table([small, large, opened]))
    assert rows[-1] == "| one | node (of 5,000 files) | 0.200 s | 0.100 s |"
    more = list(growth_table([entry("one", 1.0, 2.0, files=1000), entry("one", 9.0, 2.4)]))
    assert more[-1] == "| one | thousand files (of 20 nodes) | 2.000 s | 0.100 s |"
