"""How far a job is: sums over its targets, a rate, and the time that is left at that rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from replication.jobs.core.states import TARGET_TERMINAL, JobState, TargetState
from replication.jobs.models import Job, Target

TOO_EARLY = 2.0
"""Seconds of work before a rate means anything."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Sums; `rate` in bytes per second and `left` None where nothing can be said yet."""

    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    targets_ended: int
    targets: int
    rate: float | None
    left: timedelta | None
    succeeded: bool = False

    @property
    def percent(self) -> int | None:
        """0 to 100 by bytes, by files where there are no bytes, else by targets; None while nothing is known. What
        succeeded is done, however little of it had to be sent in the end."""
        if self.succeeded:
            return 100
        pairs = (
            (self.bytes_done, self.bytes_total),
            (self.files_done, self.files_total),
            (self.targets_ended, self.targets),
        )
        for done, total in pairs:
            if total:
                return min(100, 100 * done // total)
        return None


def progress_of(job: Job, targets: Sequence[Target]) -> JobProgress:
    """Sum up a job; while it plans, its own numbers count."""
    parts: Sequence[Job | Target] = targets or (job,)
    bytes_done = sum(part.bytes_done for part in parts)
    bytes_total = sum(part.bytes_total for part in parts)
    seconds = _seconds_worked(job, parts)
    rate = bytes_done / seconds if bytes_done and seconds > TOO_EARLY else None
    remaining = max(0, bytes_total - bytes_done)
    return JobProgress(
        files_done=sum(part.files_done for part in parts),
        files_total=sum(part.files_total for part in parts),
        bytes_done=bytes_done,
        bytes_total=bytes_total,
        targets_ended=sum(TargetState(target.state) in TARGET_TERMINAL for target in targets),
        targets=len(targets),
        rate=rate,
        left=timedelta(seconds=round(remaining / rate)) if rate and job.ended_at is None else None,
        succeeded=job.state == JobState.SUCCEEDED,
    )


def _seconds_worked(job: Job, parts: Sequence[Job | Target]) -> float:
    starts = [part.started_at for part in parts if part.started_at]
    ends: list[datetime] = [part.ended_at for part in parts if part.ended_at]
    if not starts:
        return 0.0
    finished = job.ended_at or (max(ends) if len(ends) == len(parts) else timezone.now())
    return (finished - min(starts)).total_seconds()
