"""What waits for its next try is tried at once, where a person asks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.dispatch import receiver

from nodes.leases.clock import now
from nodes.leases.transactions import write_transaction
from nodes.signals import LOOK_ASKED
from replication.jobs import wake
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.models import Job, Target


@receiver(LOOK_ASKED, dispatch_uid="replication.jobs")
def try_at_once(*, node_ids: Collection[int], **_: Any) -> None:
    """The targets that wait for these nodes are due now, and the planning that waits in their clusters."""
    targets = Target.objects.filter(state=TargetState.WAITING, node__in=node_ids, not_before__gt=now())
    jobs = Job.objects.filter(state=JobState.REQUESTED, cluster__nodes__in=node_ids, not_before__gt=now())
    with write_transaction():
        if targets.update(not_before=None, phase="trying again"):
            wake.drive()
        job_ids = sorted(set(jobs.values_list("pk", flat=True)))
        Job.objects.filter(pk__in=job_ids).update(not_before=None)
        for job_id in job_ids:
            wake.plan(job_id)
