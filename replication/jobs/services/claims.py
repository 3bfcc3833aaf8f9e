"""Who works on which job and target: what may be claimed, and what follows from a claim."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from nodes.enums import Health
from nodes.errors import Unreachable
from nodes.leases.claims import Claims, RowClaim
from nodes.leases.clock import now
from nodes.leases.transactions import write_transaction
from replication.jobs.core.phases import Course
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

PLANNING = Claims(Job, {"state": JobState.PLANNING})
DRIVING = Claims(Target, {"state": TargetState.RUNNING})

AWAY = Q(state=TargetState.WAITING, error_code=Unreachable.code)
"""Targets whose node did not answer last time."""


@dataclass(frozen=True, slots=True)
class JobClaim(RowClaim):
    """A claim of a target, or, `target_id` being None, of the job itself, to be planned."""

    job_id: int
    target_id: int | None


def due(prefix: str = "") -> Q:
    """Rows whose next try is not in the future."""
    return Q(**{f"{prefix}not_before": None}) | Q(**{f"{prefix}not_before__lte": now()})


def claim_job(job_id: int, *, owner: str, resources: Sequence[str]) -> JobClaim | None:
    """Claim a requested job for planning and take its resources. None where somebody else was first, the job is not
    due, its cluster is paused, or another job holds a resource (its `phase` then says which)."""
    with write_transaction():
        rows = Job.objects.filter(due(), pk=job_id, state=JobState.REQUESTED, cancel_requested_at=None)
        rows = rows.filter(cluster__paused=False)
        job = rows.select_for_update(of=("self",)).first()
        if job is None or _in_the_way(job, resources):
            return None
        columns = {"phase": "planning", "error_code": "", "error": "", **_tried()}
        taken = PLANNING.take(rows, owner=owner, limit=1, **columns)
        if not taken:
            return None
        events.note(job_id, Line("job.planning", f"Planning by {owner}."))
    return _of(taken[0][0], job_id, None)


def _of(claim: RowClaim, job_id: int, target_id: int | None) -> JobClaim:
    return JobClaim(claim.claims, claim.pk, claim.fence, claim.expires, job_id, target_id)


def _tried() -> dict[str, Any]:
    begun = {"started_at": Coalesce("started_at", now()), "worked_since": now(), "sending_since": None}
    return {"not_before": None, "attempt": F("attempt") + 1, **begun}


def _in_the_way(job: Job, resources: Sequence[str]) -> bool:
    """Whether another job holds what this one needs; the job's phase says so. A dry run reads only and needs
    nothing."""
    holder = None if job.dry_run else locks.take(job.pk, resources)
    if holder is None:
        return False
    phase = f"waits for job #{holder}"
    Job.objects.filter(pk=job.pk).exclude(phase=phase).update(phase=phase)
    return True


def drivable_jobs(answered: Collection[int] | None = None) -> list[Job]:
    """The jobs with targets that are due, oldest first; with `answered` only those with targets that may be claimed, as
    in `claim_targets`."""
    if WriteStop.objects.filter(stopped=True).exists():
        return []
    targets = _due_targets() if answered is None else _claimable(answered)
    jobs = Job.objects.filter(pk__in=targets.values("job"))
    return list(jobs.select_related("cluster").order_by("pk"))


def away_targets() -> list[Target]:
    """The targets that are due and whose node did not answer last time."""
    if WriteStop.objects.filter(stopped=True).exists():
        return []
    return list(_due_targets().filter(AWAY).select_related("node", "job").order_by("pk"))


def _claimable(answered: Collection[int]) -> QuerySet[Target]:
    return _due_targets().filter(~AWAY | Q(node__in=answered))


def _due_targets() -> QuerySet[Target]:
    pending = Q(state=TargetState.PENDING)
    waiting = Q(state=TargetState.WAITING, node__paused=False)
    return Target.objects.filter(
        pending | waiting,
        due() | AWAY & Q(node__health=Health.OK),  # somebody else found it back
        ~Q(course=Course.HELD),
        job__state__in=(JobState.RUNNING, JobState.CONVERGING),
        job__cancel_requested_at=None,
        job__cluster__paused=False,
    )


def claim_targets(
    job: Job, limit: int, *, owner: str, resources: Sequence[str], answered: Collection[int] = ()
) -> list[tuple[JobClaim, Target]]:
    """Claim up to `limit` of a job's targets that are due, first those that wait longest; of those whose node did not
    answer last time only the ones on nodes that have `answered` since, so that nothing is held for a node that is away.
    Empty where nothing is due, somebody else was first, or another job holds a resource this one needs."""
    with write_transaction():
        found = _claimable(answered).filter(job=job.pk).order_by("pk")
        if not found.exists() or not _may_run(job, resources):
            return []
        claims = {claim.pk: claim for claim, _ in DRIVING.take(found, owner=owner, limit=limit, **_starting())}
        if not claims:
            return []
        targets = list(Target.objects.filter(pk__in=claims).select_related("node__cluster").order_by("pk"))
        events.write(_started(target) for target in targets)
        signals_log.signalled(job, targets)
        update_job_state(job.pk)
    return [(_of(claims[target.pk], job.pk, target.pk), target) for target in targets]


def _starting() -> dict[str, Any]:
    return {"phase": "starting", **_tried()}


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
