"""Asking for the move of messages that were left behind when the servers' queues moved."""

from __future__ import annotations

import logging

from accounts.errors import Refused
from accounts.principals import SYSTEM
from nodes.queues.models import QueueCount
from replication.jobs.core.states import JobState
from replication.jobs.models import Job
from replication.jobs.services.requests import JobRequest, request_job
from replication.shared_paths.core.apply_plans import SHARED_PATHS
from replication.shared_paths.core.queue_moves import QUEUE_MOVE

_LOG = logging.getLogger(__name__)


def move_what_was_left() -> None:
    """Once for each time that shared paths were applied: where messages were seen to be left since. What such a job
    could not move a person has moved again."""
    left = QueueCount.objects.filter(left=True, messages__gt=0).order_by()
    for cluster_id in left.values_list("reading__node__cluster", flat=True).distinct():
        done = Job.objects.filter(cluster=cluster_id, kind=SHARED_PATHS, state=JobState.SUCCEEDED, dry_run=False)
        applied = done.order_by("-pk").first()
        if applied is not None:
            _request(cluster_id, applied)


def _request(cluster_id: int, applied: Job) -> None:
    reason = f"messages were left when job #{applied.pk} moved the queues"
    request = JobRequest(cluster_id, QUEUE_MOVE, reason=reason, idempotency_key=f"left-{applied.pk}")
    try:
        request_job(SYSTEM, request)
    except Refused as refused:
        _LOG.info("What was left on cluster %s is not moved: %s", cluster_id, refused)
