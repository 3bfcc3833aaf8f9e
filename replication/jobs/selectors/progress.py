"""How far a job is: its nodes' files, how fast they come, and how long it ran and how long it waited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from replication.jobs.core.states import TARGET_TERMINAL, JobState, TargetState
from replication.jobs.models import Job, Leased, Target

TOO_EARLY = 2.0
"""Seconds of sending before a rate means anything."""

OPEN = frozenset({TargetState.PENDING, TargetState.WAITING})


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Sums over a job's nodes. A file counts as done once it is in place, while its node is worked on or after that has
    ended; those of a node that waits do not count, and all of one that is proven do. `targets_unknown`: nodes of which
    nobody knows yet how many files there are to do. `percent`: 0 to 100, and 100 only for what succeeded; None while
    nothing is known. `rate`: bytes per second just now. `left`: None where it cannot be known. `ran`: while somebody
    planned it or worked on a node; `waited`: all other time since it was requested."""

    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    targets_verified: int
    targets_ended: int
    targets: int
    targets_unknown: int
    percent: int | None
    rate: float | None
    left: timedelta | None
    ran: timedelta
    waited: timedelta


def progress_of(job: Job, targets: Sequence[Target]) -> JobProgress:
    """Sum up a job; while it plans, its own numbers count."""
    parts: Sequence[Job | Target] = targets or (job,)
    states = [TargetState(target.state) for target in targets]
    rate = _rate(parts)
    return JobProgress(
        files_done=sum(_files_done(part) for part in parts),
        files_total=sum(part.files_total for part in parts),
        bytes_done=sum(_bytes_done(part) for part in parts),
        bytes_total=sum(part.bytes_total for part in parts),
        targets_verified=states.count(TargetState.VERIFIED),
        targets_ended=sum(state in TARGET_TERMINAL for state in states),
        targets=len(targets),
        targets_unknown=sum(not _is_known(target) for target in targets),
        percent=_percent(job, parts, states),
        rate=rate,
        left=_left(job, targets, rate),
        ran=time_run(job),
        waited=time_waited(job),
    )


def _files_done(part: Job | Target) -> int:
    if part.state == TargetState.VERIFIED:
        return part.files_total
    return 0 if part.state in OPEN and part.ended_at is None else min(part.files_done, part.files_total)


def _bytes_done(part: Job | Target) -> int:
    """As far as was to be sent: what moves over the wire is counted by its share of the whole, and rounded."""
    return min(part.bytes_done, part.bytes_total) if part.bytes_total else part.bytes_done


def _percent(job: Job, parts: Sequence[Job | Target], states: Sequence[TargetState]) -> int | None:
    """By files; where a node's are not known yet, by nodes. What is in place but not proven is not all."""
    if job.state == JobState.SUCCEEDED:
        return 100
    if all(_is_known(part) for part in parts):
        done, total = sum(_files_done(part) for part in parts), sum(part.files_total for part in parts)
    else:
        done, total = states.count(TargetState.VERIFIED), len(states)
    return min(99, 100 * done // total) if total else None


def _is_known(part: Job | Target) -> bool:
    """Whether it is known how many files there are to do; 0 may mean that nobody has looked yet."""
    return part.files_total > 0 or part.state == TargetState.VERIFIED


def _rate(parts: Sequence[Job | Target]) -> float | None:
    """What all that are worked on send a second; their counters begin with each try."""
    moment = timezone.now()
    since = [(part.bytes_done, part.sending_since) for part in parts if part.worked_since and part.sending_since]
    sending = [(count, (moment - begun).total_seconds()) for count, begun in since]
    return sum(count / seconds for count, seconds in sending if seconds > TOO_EARLY) or None


def _left(job: Job, targets: Sequence[Target], rate: float | None) -> timedelta | None:
    """None also once all is sent: how long a node takes to settle and to prove it is not known."""
    if rate is None or job.state != JobState.RUNNING or not all(_is_known(target) for target in targets):
        return None
    if any(target.state == TargetState.WAITING for target in targets):
        return None
    going_on = [target for target in targets if target.ended_at is None]
    remaining = sum(target.bytes_total - _bytes_done(target) for target in going_on)
    return timedelta(seconds=round(remaining / rate)) if remaining else None


def time_run(work: Leased) -> timedelta:
    """For how long somebody worked on it, until now."""
    return work.ran + (max(timezone.now() - work.worked_since, timedelta()) if work.worked_since else timedelta())


def time_waited(work: Job | Target) -> timedelta:
    """For how long nobody worked on it: a job since it was requested, a node's part since it was begun. It waited for
    its turn, for a person or for a node."""
    since = work.created_at if isinstance(work, Job) else work.started_at
    waited = (work.ended_at or timezone.now()) - since - time_run(work) if since else timedelta()
    return max(waited, timedelta())
