"""The one table of what a job and a target may become. Nobody else decides a transition."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands."""

    REQUESTED = "requested"
    PLANNING = "planning"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    CONVERGING = "converging"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    HALTED = "halted"


class TargetState(StrEnum):
    """Where one node stands within a job."""

    PENDING = "pending"
    RUNNING = "running"
    VERIFIED = "verified"
    WAITING = "waiting"
    BLOCKED = "blocked"
    CONTENDED = "contended"
    FAILED = "failed"
    HALTED = "halted"
    CANCELLED = "cancelled"


J, T = JobState, TargetState

JOB_TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    J.REQUESTED: frozenset({J.PLANNING, J.CANCELLED, J.FAILED}),
    # back to REQUESTED: the planner's worker died or the primary is away for the moment
    J.PLANNING: frozenset({J.REQUESTED, J.AWAITING_APPROVAL, J.RUNNING, J.SUCCEEDED, J.FAILED, J.CANCELLED, J.HALTED}),
    # back to REQUESTED: what was planned no longer fits, plan again
    J.AWAITING_APPROVAL: frozenset({J.RUNNING, J.CANCELLED, J.FAILED, J.REQUESTED}),
    J.RUNNING: frozenset({J.CONVERGING, J.SUCCEEDED, J.FAILED, J.CANCELLED, J.HALTED}),
    J.CONVERGING: frozenset({J.RUNNING, J.SUCCEEDED, J.FAILED, J.CANCELLED, J.HALTED}),
    # an audited override lets a halted job plan again; retry makes a new job of a failed one
    J.HALTED: frozenset({J.REQUESTED, J.CANCELLED}),
    J.SUCCEEDED: frozenset(),
    J.FAILED: frozenset(),
    J.CANCELLED: frozenset(),
}

TARGET_TRANSITIONS: dict[TargetState, frozenset[TargetState]] = {
    T.PENDING: frozenset({T.RUNNING, T.CANCELLED}),
    T.RUNNING: frozenset({T.PENDING, T.VERIFIED, T.WAITING, T.BLOCKED, T.CONTENDED, T.FAILED, T.HALTED, T.CANCELLED}),
    T.WAITING: frozenset({T.RUNNING, T.CANCELLED, T.FAILED}),
    T.VERIFIED: frozenset(),
    T.BLOCKED: frozenset(),
    T.CONTENDED: frozenset(),
    T.FAILED: frozenset(),
    T.HALTED: frozenset(),
    T.CANCELLED: frozenset(),
}

JOB_TERMINAL = frozenset({J.SUCCEEDED, J.FAILED, J.CANCELLED})
JOB_ACTIVE = frozenset(JobState) - JOB_TERMINAL
TARGET_TERMINAL = frozenset({T.VERIFIED, T.BLOCKED, T.CONTENDED, T.FAILED, T.HALTED, T.CANCELLED})


def outcome(targets: list[TargetState]) -> JobState:
    """The job's state that its targets' states amount to. "Partial" is never "succeeded"; no targets is success.

    Waiting targets keep a job converging only once nothing is pending or running.
    """
    states = set(targets)
    if states & {T.PENDING, T.RUNNING}:
        return J.RUNNING
    if T.WAITING in states:
        return J.CONVERGING
    if T.HALTED in states:
        return J.HALTED
    if states & {T.FAILED, T.BLOCKED, T.CONTENDED}:
        return J.FAILED
    if T.CANCELLED in states:
        return J.CANCELLED
    return J.SUCCEEDED
