"""The arithmetic of what is measured."""

from __future__ import annotations

import pytest

from bench.phases import phases_of
from bench.results import Result, middle, middle_one, sentence, share


def test_the_median_is_the_middle_one_and_of_two_the_lower_ones_place() -> None:
    assert middle([3.0, 1.0, 2.0]) == 2.0
    assert middle([]) is None
    assert middle_one([3.0, 1.0, 2.0]) == 2
    assert middle_one([4.0, 1.0]) == 1


@pytest.mark.parametrize(("percent", "value"), [(50, 25), (95, 48), (100, 50), (1, 1)])
def test_a_percentile_is_a_value_that_was_measured(percent, value) -> None:
    assert share(list(range(50, 0, -1)), percent) == value


def test_the_ratio_is_ours_divided_by_the_peers() -> None:
    result = Result("one", 2, 60, 1000, ours=[1.0, 3.0, 2.0], peer="rsync", theirs=[4.0], more={"settle_s": 0.2})
    entry = result.as_json()
    assert (entry["ours_s"], entry["peer_s"], entry["ratio"], entry["settle_s"]) == (2.0, 4.0, 0.5, 0.2)
    assert sentence(result) == "2 nodes, 60 files, one: 2.00 s; rsync 4.00 s; ratio 0.50"


def test_without_a_peer_there_is_no_ratio() -> None:
    result = Result("one", 1, 60, 1000, ours=[1.0])
    entry = result.as_json()
    assert (entry["peer"], entry["peer_s"], entry["ratio"]) == ("", None, None)
    assert sentence(result) == "1 node, 60 files, one: 1.00 s"


def test_phases_are_read_from_the_jobs_own_resource() -> None:
    def at(second: float) -> str:
        return f"2026-11-30T00:00:{second:06.3f}Z"

    targets = [
        {"ended_at": at(7), "phases": {"looked": 1.0, "proven": 0.5}},
        {"ended_at": at(9), "phases": {"looked": 3.0}},
    ]
    job = {"created_at": at(0), "started_at": at(0.5), "planned_at": at(2), "ended_at": at(9.1), "targets": targets}
    assert phases_of({**job, "phases": {"snapshot-taken": 1.2}}) == {
        "waited": 0.5,
        "planned": 1.5,
        "drove": 7.0,
        "plan": {"snapshot-taken": 1.2},
        "nodes": {"looked": {"median": 2.0, "longest": 3.0}, "proven": {"median": 0.25, "longest": 0.5}},
    }
    bare = phases_of({**job, "started_at": None, "planned_at": None, "targets": []})
    assert (bare["waited"], bare["planned"], bare["drove"]) == (None, None, None)
