"""What the watch does: when it requests a job, and what it waits for."""

from __future__ import annotations

from typing import Any

import pytest

from replication.jobs.core.states import JobState
from replication.watch.core.changes import Stamp
from replication.watch.core.decision import (
    AGAIN,
    FAILED_FIRST,
    FAILED_LONGEST,
    HALTED_FIRST,
    REASON_LIMIT,
    DecisionInput,
    JobSeen,
    Tally,
    WatchStatus,
    decide,
    reason,
)

STAMP = Stamp(1, 2, 3)
NODES = frozenset({1, 2})


def situation(**changes) -> DecisionInput:
    values: dict[str, Any] = {
        "now": 1000.0,
        "nodes": NODES,
        "behind": frozenset(),
        "ready": {"a": STAMP},
        "asked": {},
        "asked_by": 0,
        "active": (),
        "newest": None,
        "tally": Tally(),
    }
    return DecisionInput(**(values | changes))


def test_a_change_is_requested_for_all_nodes():
    decision = decide(situation())
    assert (decision.mood, decision.request) == (WatchStatus.REQUESTED, NODES)
    assert decision.sentence == "watch: 1 file changed: a"


def test_nothing_ready_is_quiet():
    assert decide(situation(ready={})).mood == WatchStatus.QUIET
    waiting = JobSeen(4, JobState.CONVERGING, NODES)
    decision = decide(situation(ready={}, active=(waiting,)))
    assert decision.mood == WatchStatus.QUIET and "#4" in decision.sentence


@pytest.mark.parametrize(
    ("state", "nodes", "asks"),
    [
        (JobState.REQUESTED, frozenset(), False),
        (JobState.REQUESTED, NODES, False),
        (JobState.REQUESTED, frozenset({1}), True),
        (JobState.PLANNING, frozenset(), False),
        (JobState.RUNNING, NODES, True),
        (JobState.CONVERGING, NODES, True),
        (JobState.HALTED, frozenset(), True),
        (JobState.AWAITING_APPROVAL, NODES, False),
        (JobState.AWAITING_APPROVAL, frozenset({1, 2, 3}), True),
    ],
)
def test_jobs_that_are_under_way(state, nodes, asks):
    decision = decide(situation(active=(JobSeen(4, state, nodes),)))
    assert bool(decision.request) is asks


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.HALTED])
def test_what_was_unsuccessful_waits_for_its_time_or_a_new_change(state):
    newest = JobSeen(4, state, error_code="no_space", error="The disk is full.", ended_at=1000.0)
    tally = Tally().after(newest, 1000.0)
    held = decide(situation(newest=newest, tally=tally, asked={"a": STAMP}))
    assert held.mood == WatchStatus.HELD and "The disk is full. It is requested again in" in held.sentence
    later = 1000.0 + (HALTED_FIRST if state == JobState.HALTED else FAILED_FIRST)
    assert decide(situation(newest=newest, tally=tally, asked={"a": STAMP}, now=later)).request
    assert decide(situation(newest=newest, tally=tally, asked={"a": Stamp(7, 7, 7)})).request


def test_failures_in_a_row_slow_even_new_changes_down():
    tally, moments = Tally(), []
    for number in range(1, 12):
        newest = JobSeen(number, JobState.FAILED, error_code="no_space", ended_at=1000.0)
        tally = tally.after(newest, 1000.0)
        moments.append(tally.retry_at - 1000.0)
    assert moments[:3] == [FAILED_FIRST, 2 * FAILED_FIRST, 4 * FAILED_FIRST]
    assert moments[-1] == FAILED_LONGEST
    assert tally.after(newest, 5000.0) == tally
    assert decide(situation(newest=newest, tally=tally)).mood == WatchStatus.HELD
    assert decide(situation(newest=newest, tally=tally, now=1061.0)).request
    assert tally.after(JobSeen(99, JobState.SUCCEEDED), 1.0) == Tally(counted=99)


def test_partial_failures_do_not_hold_up_new_changes():
    tally = Tally()
    for number in range(1, 6):
        newest = JobSeen(number, JobState.FAILED, error_code="contended", ended_at=1000.0)
        tally = tally.after(newest, 1000.0)
    assert decide(situation(newest=newest, tally=tally)).request


def test_what_a_person_cancelled_stays_cancelled_until_something_new():
    newest = JobSeen(4, JobState.CANCELLED, ended_at=900.0)
    assert decide(situation(newest=newest, asked={"a": STAMP})).mood == WatchStatus.HELD
    assert decide(situation(newest=newest)).request


def test_what_a_job_passed_over_is_not_asked_for_in_a_loop():
    newest = JobSeen(4, JobState.SUCCEEDED, ended_at=1000.0)
    asked: dict[str, Any] = {"asked": {"a": STAMP}, "asked_by": 4, "newest": newest}
    assert decide(situation(**asked)).mood == WatchStatus.HELD
    assert decide(situation(**asked, now=1000.0 + AGAIN)).request


def test_nodes_behind_are_tried_again_alone():
    newest = JobSeen(4, JobState.FAILED, error_code="contended", error="contended", ended_at=1000.0)
    tally = Tally().after(newest, 1000.0)
    behind: dict[str, Any] = {"ready": {}, "behind": frozenset({2}), "newest": newest, "tally": tally}
    assert decide(situation(**behind)).mood == WatchStatus.HELD
    assert decide(situation(**behind, now=1000.0 + FAILED_FIRST)).request == frozenset({2})
    running = JobSeen(5, JobState.RUNNING, NODES)
    assert not decide(situation(**behind, now=2000.0, active=(running,))).request


def test_reasons_fit_and_name_the_first_files():
    names = {f"App/{number:03}": STAMP for number in range(8)}
    assert reason(names) == ("watch: 8 files changed: App/000, App/001, App/002, App/003, App/004 and 3 more")
    assert len(reason({"x" * 250 + str(number): STAMP for number in range(9)})) <= REASON_LIMIT
    assert reason({"y" * 4000: None}) == "watch: 1 file changed"


AHEAD = 1000.0 + 7200.0
"""A moment by a clock that was set back by two hours since."""


def test_a_job_that_ended_before_the_clock_was_set_back_waits_no_longer_for_it():
    failed = JobSeen(4, JobState.FAILED, error_code="no_space", error="Full.", ended_at=AHEAD)
    assert Tally().after(failed, 1000.0).retry_at == 1000.0 + FAILED_FIRST
    done = JobSeen(4, JobState.SUCCEEDED, ended_at=AHEAD)
    held = decide(situation(newest=done, asked={"a": STAMP}, asked_by=4))
    assert held.mood == WatchStatus.HELD and f"tried again in {AGAIN:.0f} s" in held.sentence


def test_what_waits_for_its_time_goes_back_with_the_clock():
    tally = Tally(4, 2, retry_at=AHEAD + 30.0, damped_until=AHEAD + 5.0).set_back(7200.0)
    assert (tally.retry_at, tally.damped_until) == (1030.0, 1005.0)
