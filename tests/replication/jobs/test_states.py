"""The transition tables and what targets amount to, exhaustively."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest

from replication.jobs.core.states import (
    JOB_ACTIVE,
    JOB_TERMINAL,
    JOB_TRANSITIONS,
    TARGET_TERMINAL,
    TARGET_TRANSITIONS,
    JobState,
    TargetState,
    outcome,
)

J, T = JobState, TargetState


def _reachable(start, table):
    seen, pending = {start}, [start]
    while pending:
        for state in table[pending.pop()] - seen:
            seen.add(state)
            pending.append(state)
    return seen


@pytest.mark.parametrize(
    ("states", "table", "start"),
    [(JobState, JOB_TRANSITIONS, J.REQUESTED), (TargetState, TARGET_TRANSITIONS, T.PENDING)],
)
def test_every_state_is_in_the_table_and_reachable(states, table, start):
    assert set(table) == set(states)
    assert _reachable(start, table) == set(states)


@pytest.mark.parametrize("table", [JOB_TRANSITIONS, TARGET_TRANSITIONS])
def test_no_state_leads_to_itself(table):
    assert all(state not in following for state, following in table.items())


def test_terminal_states_lead_nowhere_and_only_they():
    assert {state for state, following in JOB_TRANSITIONS.items() if not following} == JOB_TERMINAL
    assert {state for state, following in TARGET_TRANSITIONS.items() if not following} == TARGET_TERMINAL
    assert set(JobState) == JOB_ACTIVE | JOB_TERMINAL
    assert not JOB_ACTIVE & JOB_TERMINAL


@pytest.mark.parametrize("state", sorted(JOB_ACTIVE))
def test_every_active_job_can_be_cancelled_and_can_end(state):
    assert J.CANCELLED in JOB_TRANSITIONS[state]
    assert JOB_TERMINAL & _reachable(state, JOB_TRANSITIONS)


@pytest.mark.parametrize("state", sorted(set(TargetState) - TARGET_TERMINAL))
def test_every_open_target_can_be_cancelled_and_run(state):
    assert T.CANCELLED in TARGET_TRANSITIONS[state]
    assert T.RUNNING in TARGET_TRANSITIONS[state] | {state}


def test_only_running_targets_are_ever_verified():
    assert [state for state, following in TARGET_TRANSITIONS.items() if T.VERIFIED in following] == [T.RUNNING]


def test_a_job_cannot_skip_planning():
    assert [state for state, following in JOB_TRANSITIONS.items() if J.RUNNING in following] == [
        J.PLANNING,
        J.AWAITING_APPROVAL,
        J.CONVERGING,
    ]


ALL_TRIPLES = [list(states) for size in range(4) for states in combinations_with_replacement(TargetState, size)]


def _said(states):
    """The same rule, in the order of the design's words instead of the code's."""
    if all(state == T.VERIFIED for state in states):
        return J.SUCCEEDED
    if T.PENDING in states or T.RUNNING in states:
        return J.RUNNING
    if T.WAITING in states:
        return J.CONVERGING
    for state, job in ((T.HALTED, J.HALTED), (T.FAILED, J.FAILED), (T.BLOCKED, J.FAILED), (T.CONTENDED, J.FAILED)):
        if state in states:
            return job
    return J.CANCELLED


@pytest.mark.parametrize("states", ALL_TRIPLES, ids=lambda states: "+".join(states) or "none")
def test_the_outcome_of_up_to_three_targets(states):
    assert outcome(states) == outcome(states[::-1]) == _said(states)


@pytest.mark.parametrize("states", ALL_TRIPLES, ids=lambda states: "+".join(states) or "none")
def test_partial_is_never_succeeded_and_a_running_job_can_become_it(states):
    result = outcome(states)
    assert (result == J.SUCCEEDED) == all(state == T.VERIFIED for state in states)
    assert result == J.RUNNING or result in JOB_TRANSITIONS[J.RUNNING]
