"""Who works on what: claims by compare-and-set, each with a lease by the database's clock and a fence that only
grows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from nodes.leases.clock import later, now
from nodes.leases.errors import LeaseLost
from nodes.leases.transactions import write_transaction
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.models import (
    Job,
    JobEvent,
    Target,
    WriteStop,
)
from replication.jobs.services import events, locks, signals_log
from replication.jobs.services.events import Line
from replication.jobs.services.job_state import update_job_state


@dataclass(frozen=True, slots=True)
class JobClaim:
    """A row that is ours until `expires` (seconds of this process' monotonic clock, taken before the claim was sent, so
    never later than the database's own expiry). `target_id` None: the job itself, to be planned."""

    job_id: int
    target_id: int | None
    fence: int
    expires: float

    @property
    def key(self) -> tuple[int, int]:
        """What identifies the claimed row within this process."""
        return self.job_id, self.target_id or 0

    def rows(self) -> QuerySet[Job] | QuerySet[Target]:
        """The claimed row, as long as it is ours."""
        if self.target_id is None:
            return Job.objects.filter(pk=self.job_id, fence=self.fence, state=JobState.PLANNING)
        return Target.objects.filter(pk=self.target_id, fence=self.fence, state=TargetState.RUNNING)


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a worker reports when it renews: the counters it has come to, and lines for the log."""

    claim: JobClaim
    columns: dict[str, Any] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()


def due(prefix: str = "") -> Q:
    """Rows whose next try is not in the future."""
    return Q(**{f"{prefix}not_before": None}) | Q(**{f"{prefix}not_before__lte": now()})


def claim_job(job_id: int, *, owner: str, resources: Sequence[str]) -> JobClaim | None:
    """Claim a requested job for planning and take its resources. None where somebody else was first, the job is not
    due, its cluster is paused, or another job holds a resource (its `phase` then says which)."""
    expires = time.monotonic() + settings.PORTAL.lease
    with write_transaction():
        rows = Job.objects.filter(due(), pk=job_id, state=JobState.REQUESTED, cancel_requested_at=None)
        job = rows.filter(cluster__paused=False).select_for_update(of=("self",)).first()
        if job is None or _in_the_way(job, resources):
            return None
        claimed = Job.objects.filter(pk=job_id, state=JobState.REQUESTED, fence=job.fence).update(
            state=JobState.PLANNING,
            phase="planning",
            not_before=None,
            error_code="",
            error="",
            **_claimed(owner),
        )
        if not claimed:
            return None
        events.note(job_id, Line("job.planning", f"Planning by {owner}."))
    return JobClaim(job_id, None, job.fence + 1, expires)


def _claimed(owner: str) -> dict[str, Any]:
    return {
        "owner": owner,
        "fence": F("fence") + 1,
        "attempt": F("attempt") + 1,
        "lease_until": later(settings.PORTAL.lease),
        "started_at": Coalesce("started_at", now()),
    }


def _in_the_way(job: Job, resources: Sequence[str]) -> bool:
    """Whether another job holds what this one needs; the job's phase says so. A dry run reads only and needs
    nothing."""
    holder = None if job.dry_run else locks.take(job.pk, resources)
    if holder is None:
        return False
    phase = f"waits for job #{holder}"
    Job.objects.filter(pk=job.pk).exclude(phase=phase).update(phase=phase)
    return True


def drivable_jobs() -> list[Job]:
    """The jobs with targets that could be claimed now, oldest first."""
    if WriteStop.objects.filter(stopped=True).exists():
        return []
    jobs = Job.objects.filter(pk__in=_claimable().values("job"))
    return list(jobs.select_related("cluster").order_by("pk"))


def _claimable() -> QuerySet[Target]:
    pending = Q(state=TargetState.PENDING)
    waiting = Q(state=TargetState.WAITING, node__paused=False)
    return Target.objects.filter(
        pending | waiting,
        due(),
        job__state__in=(JobState.RUNNING, JobState.CONVERGING),
        job__cancel_requested_at=None,
        job__cluster__paused=False,
    )


def claim_targets(job: Job, limit: int, *, owner: str, resources: Sequence[str]) -> list[tuple[JobClaim, Target]]:
    """Claim up to `limit` of a job's targets that are due, first those that wait longest. Empty where nothing is,
    somebody else was first, or another job holds a resource this one needs."""
    expires = time.monotonic() + settings.PORTAL.lease
    with write_transaction():
        if not _may_run(job, resources):
            return []
        found = _claimable().filter(job=job.pk).select_for_update(of=("self",), skip_locked=True)
        ids = [target.pk for target in found.order_by("pk")[:limit]]
        if not ids:
            return []
        states = (TargetState.PENDING, TargetState.WAITING)
        Target.objects.filter(pk__in=ids, state__in=states).update(
            state=TargetState.RUNNING, phase="starting", not_before=None, **_claimed(owner)
        )
        targets = list(Target.objects.filter(pk__in=ids).select_related("node__cluster").order_by("pk"))
        events.write(_started(target) for target in targets)
        signals_log.signalled(job, targets)
        update_job_state(job.pk)
    return [(JobClaim(job.pk, target.pk, target.fence, expires), target) for target in targets]


def _may_run(job: Job, resources: Sequence[str]) -> bool:
    row = Job.objects.select_for_update().filter(pk=job.pk, cancel_requested_at=None).first()
    if row is None or row.state not in (JobState.RUNNING, JobState.CONVERGING):
        return False
    if WriteStop.objects.filter(stopped=True).exists():
        return False
    if _in_the_way(row, resources):
        return False
    if row.phase:
        Job.objects.filter(pk=job.pk).update(phase="")
    return True


def _started(target: Target) -> JobEvent:
    text = f"Try {target.attempt} by {target.owner}."
    return Line("target.running", text).row(target.job_id, target.pk)


def renew(renewals: Sequence[Renewal]) -> dict[tuple[int, int], float]:
    """Renew many claims and write what their workers report, in one transaction. Answers the new expiry of each that
    was still ours, by `Claim.key`; the lines of a claim that is not are dropped."""
    expires = time.monotonic() + settings.PORTAL.lease
    held: dict[tuple[int, int], float] = {}
    rows: list[JobEvent] = []
    with write_transaction():
        for renewal in renewals:
            claim = renewal.claim
            if claim.rows().update(lease_until=later(settings.PORTAL.lease), **renewal.columns):
                held[claim.key] = expires
                rows += [line.row(claim.job_id, claim.target_id) for line in renewal.lines]
        if rows:
            events.write(rows)
    return held


@contextmanager
def holding(claim: JobClaim) -> Iterator[None]:
    """A transaction during which the claim stays ours. Raises LeaseLost, having written nothing, where it is not."""
    with write_transaction():
        if not list(claim.rows().select_for_update().values_list("pk", flat=True)[:1]):
            raise LeaseLost("another worker took over")
        yield
