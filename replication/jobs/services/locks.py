"""Resources that one job holds at a time: while it plans and while it runs, not while it waits for a person or a
node."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db import IntegrityError, transaction

from nodes.leases.clock import now
from replication.jobs import wake
from replication.jobs.core.states import JobState
from replication.jobs.models import Job, ResourceLock

HOLDING = frozenset({JobState.PLANNING, JobState.RUNNING})
"""The states of a job that may hold resources."""


def take(job_id: int, resources: Sequence[str]) -> int | None:
    """Take all resources or none. Answers the id of the job that is in the way, or None: they are ours. Call it inside
    a transaction."""
    if not resources:
        return None
    held = dict(ResourceLock.objects.filter(resource__in=resources).values_list("resource", "job_id"))
    other = next((holder for holder in held.values() if holder != job_id), None)
    if other is not None:
        return other
    missing = sorted(set(resources) - held.keys())
    try:
        with transaction.atomic():
            ResourceLock.objects.bulk_create(
                [ResourceLock(resource=name, job_id=job_id, taken_at=now()) for name in missing]
            )
    except IntegrityError:  # another worker took one between our look and our insert
        return _holder(missing, job_id)
    return None


def _holder(resources: Sequence[str], job_id: int) -> int:
    found = ResourceLock.objects.filter(resource__in=resources).exclude(job=job_id).values_list("job_id", flat=True)
    return found.first() or 0


def release(job_ids: Collection[int]) -> int:
    """Give back everything the jobs hold, and wake the jobs that were waiting for it. Answers how many locks there
    were."""
    count, _ = ResourceLock.objects.filter(job__in=job_ids).delete()
    if count:
        _wake_waiting(job_ids)
    return count


def _wake_waiting(job_ids: Collection[int]) -> None:
    clusters = Job.objects.filter(pk__in=job_ids).values("cluster")
    waiting = Job.objects.filter(cluster__in=clusters, state=JobState.REQUESTED).exclude(pk__in=job_ids)
    for waiting_id in waiting.order_by("pk").values_list("pk", flat=True)[:5]:
        wake.plan(waiting_id)
    if Job.objects.filter(cluster__in=clusters, state__in=(JobState.RUNNING, JobState.CONVERGING)).exists():
        wake.drive()
