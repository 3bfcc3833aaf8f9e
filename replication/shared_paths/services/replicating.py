"""How what was set on a primary gets to its secondaries: the job that brings it there, and what they wait for."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from django.dispatch import receiver

from accounts.errors import Refused
from accounts.principals import SYSTEM
from nodes.clusters.models import Cluster
from nodes.enums import ReplicationMode
from replication.configuration.core.configuration import REPLICATE
from replication.configuration.services.modes import check_portal_may_replicate
from replication.configuration.signals import PROVEN
from replication.jobs.core.states import TargetState
from replication.jobs.models import Job, Target
from replication.jobs.services.requests import JobRequest, request_job

_LOG = logging.getLogger(__name__)

NOT_REPLICATED = "not_replicated"
"""The error code of a target that waits for what the primary has."""


def request_replication(cluster: Cluster, job: Job) -> None:
    """Have the portal bring to the secondaries what the job set; where MDaemon's own service replicates it does that
    itself. Call it in the transaction of the proof."""
    if cluster.replication_mode != ReplicationMode.PORTAL:
        return
    try:
        request_job(SYSTEM, JobRequest(cluster.pk, REPLICATE, reason=f"shared paths were set by job #{job.pk}"))
    except Refused as refused:  # a server's own service is on by now; each secondary says so while it waits
        _LOG.debug("%s cannot be replicated: %s", cluster, refused)


def awaited(cluster: Cluster, job: Job) -> str:
    """What a secondary waits for, in a sentence."""
    if cluster.replication_mode != ReplicationMode.PORTAL:
        return "MDaemon's own cluster service brings them there."
    newest = Job.objects.filter(cluster=cluster, kind=REPLICATE, dry_run=False, pk__gt=job.pk).first()
    if newest is not None:
        error = f": {newest.error}" if newest.error else "."
        return f"Replication #{newest.pk} is {newest.state.replace('_', ' ')}{error}"[:400]
    try:
        check_portal_may_replicate(cluster)
    except Refused as refused:
        return f"It cannot be replicated to: {refused.detail}"[:400]
    return "Replicate the cluster."


@receiver(PROVEN, dispatch_uid="replication.shared_paths")
def look_again(*, node_ids: Collection[int], **_: Any) -> None:
    """Nodes were proven to hold what the primary has: who waits for that is due."""
    waiting = Target.objects.filter(state=TargetState.WAITING, error_code=NOT_REPLICATED, node__in=node_ids)
    waiting.update(not_before=None)
