"""The sweep: take over what a dead worker held, wake what was not woken, say why the rest stands still.

Two sweeps at once do no harm: rows are locked while they are looked at, and what they wake is claimed by
compare-and-set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from nodes.leases.claims import TAKEN_OVER
from nodes.leases.transactions import write_transaction
from replication.jobs import wake
from replication.jobs.core.phases import Course
from replication.jobs.core.states import JOB_TERMINAL, JobState, TargetState
from replication.jobs.kinds import phases_of
from replication.jobs.models import (
    Job,
    JobEvent,
    ResourceLock,
    Target,
    WriteStop,
)
from replication.jobs.services import locks
from replication.jobs.services.claims import (
    DRIVING,
    PLANNING,
    drivable_jobs,
    due,
)
from replication.jobs.services.events import ERROR, WARNING, Line
from replication.jobs.services.job_state import update_job_state
from replication.jobs.services.outcomes import Ended, columns_of, line_of
from replication.jobs.services.phase_ends import in_phases
from replication.jobs.services.transitions import advance_job, advance_target

PLANNING_DEATHS = 5
"""A job whose planning took so many workers with it fails: planning itself seems to be what kills them."""

TARGET_DEATHS = 10
"""The same for a target."""

WOKEN_AT_ONCE = 20
"""Requested jobs woken by one sweep, oldest first."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did."""

    jobs_taken_over: int
    targets_taken_over: int
    locks_released: int
    jobs_woken: int


def sweep() -> Swept:
    """Do all of it once. Where nothing is open there is nothing to do."""
    if not _is_anything_open():
        return Swept(0, 0, 0, 0)
    for claims in (PLANNING, DRIVING):
        claims.shorten()
    jobs = _take_over_planning()
    targets = _take_over_targets()
    _settle_forgotten()
    released = _release_stale_locks()
    _explain_standing()
    woken = _wake_requested()
    if drivable_jobs():
        wake.drive()
    return Swept(jobs, targets, released, woken)


def _is_anything_open() -> bool:
    jobs = Job.objects.exclude(state__in=JOB_TERMINAL)
    return jobs.exists() or Target.objects.filter(state=TargetState.RUNNING).exists() or ResourceLock.objects.exists()


def _take_over_planning() -> int:
    with write_transaction():
        jobs = list(PLANNING.expired().select_for_update(skip_locked=True))
        for job in jobs:
            _take_over_job(job)
    return len(jobs)


def _take_over_job(job: Job) -> None:
    columns = dict(TAKEN_OVER)
    deaths = 1 + JobEvent.objects.filter(job=job, code="job.planner_died").count()
    if job.cancel_requested_at is not None:
        line = Line("job.cancelled", "Cancelled; its planning worker had died.", WARNING)
        advance_job(job.pk, JobState.CANCELLED, line, fence=job.fence, columns=columns)
        return
    line = Line("job.planner_died", f"The planning worker {job.owner} died; planning again.", WARNING)
    if deaths <= PLANNING_DEATHS:
        advance_job(job.pk, JobState.REQUESTED, line, fence=job.fence, columns=columns)
        return
    text = f"Planning ended the worker {deaths} times; the portal gives up."
    failed = {**columns, "error_code": "worker_died", "error": text}
    advance_job(job.pk, JobState.FAILED, Line("job.failed", text, ERROR), fence=job.fence, columns=failed)


def _take_over_targets() -> int:
    with write_transaction():
        rows = DRIVING.expired().select_related("job", "node")
        targets = list(rows.select_for_update(of=("self",), skip_locked=True))
        for target in targets:
            _take_over_target(target)
        for job_id in sorted({target.job_id for target in targets}):
            update_job_state(job_id)
    return len(targets)


def _take_over_target(target: Target) -> None:
    deaths = 1 + JobEvent.objects.filter(target=target, code="target.worker_died").count()
    columns = dict(TAKEN_OVER)
    text = f"The worker {target.owner} died"
    if phases_of(target.job.kind):
        _take_over_in_phases(target, deaths, columns)
        return
    if target.job.cancel_requested_at is not None:
        state, text = TargetState.CANCELLED, f"{text}; the job was cancelled."
        columns["error_code"] = "cancelled"
    elif deaths > TARGET_DEATHS:
        state, text = TargetState.FAILED, f"{text} {deaths} times; the portal gives up."
        columns |= {"error_code": "worker_died", "error": text}
    else:
        state, text = TargetState.PENDING, f"{text}; it will be run again."
    line = Line("target.worker_died", text, ERROR if state == TargetState.FAILED else WARNING)
    advance_target(target, state, line, fence=target.fence, columns=columns)


def _take_over_in_phases(target: Target, deaths: int, columns: Mapping[str, object]) -> None:
    """The same where a target that fails, or is cancelled, gives back first: settling sees to that. Giving back has as
    many tries again."""
    text = f"The worker {target.owner} died"
    ended = Ended(TargetState.PENDING, f"{text}; it will be run again.", code="target.worker_died", level=WARNING)
    if deaths > (2 if target.course == Course.BACK else 1) * TARGET_DEATHS:
        text = f"{text} {deaths} times; the portal gives up."
        failed = Ended(TargetState.FAILED, text, error_code="worker_died", error=text)
        ended = in_phases(phases_of(target.job.kind), target, failed)
    advance_target(target, ended.state, line_of(ended), fence=target.fence, columns={**columns_of(ended), **columns})


def _settle_forgotten() -> None:
    """Jobs whose last target ended without the job noticing. Nothing should make this happen; it must not last if it
    did."""
    open_targets = Target.objects.filter(job=OuterRef("pk"))
    # those that wait at a barrier are let through by whoever settles the job
    active = open_targets.filter(state__in=(TargetState.PENDING, TargetState.RUNNING)).exclude(course=Course.HELD)
    waiting = open_targets.filter(state=TargetState.WAITING)
    running = Job.objects.filter(~Exists(active), state=JobState.RUNNING)
    converging = Job.objects.filter(~Exists(waiting), state=JobState.CONVERGING)
    for job_id in [*running.values_list("pk", flat=True), *converging.values_list("pk", flat=True)]:
        update_job_state(job_id)


def _release_stale_locks() -> int:
    stale = ResourceLock.objects.exclude(job__state__in=locks.HOLDING).values_list("job", flat=True).distinct()
    ids = list(stale)
    if not ids:
        return 0
    with write_transaction():
        return locks.release(ids)


def _explain_standing() -> None:
    """Say in `phase` why a job does not go on, where nothing else says so."""
    paused = Job.objects.filter(cluster__paused=True, state__in=(JobState.REQUESTED, JobState.RUNNING))
    _say(list(paused.exclude(phase="cluster is paused").values_list("pk", flat=True)), "cluster is paused")
    stop = WriteStop.objects.filter(stopped=True).first()
    if stop:
        phase = f"all writes are stopped by {stop.by}"[:80]
        stopped = Job.objects.filter(cluster__paused=False, state=JobState.RUNNING).exclude(phase=phase)
        _say(list(stopped.values_list("pk", flat=True)), phase)


def _say(job_ids: list[int], phase: str) -> None:
    if job_ids:
        with write_transaction():
            Job.objects.filter(pk__in=job_ids, state__in=(JobState.REQUESTED, JobState.RUNNING)).update(phase=phase)


def _wake_requested() -> int:
    ready = Job.objects.filter(due(), state=JobState.REQUESTED, cluster__paused=False, cancel_requested_at=None)
    ids = list(ready.order_by("pk").values_list("pk", flat=True)[:WOKEN_AT_ONCE])
    for job_id in ids:
        wake.plan(job_id)
    return len(ids)
