"""Asking for the removal of test files whose owner died and whom nobody followed."""

from __future__ import annotations

import logging
from collections import defaultdict

from django.db.models import Exists, OuterRef

from accounts.errors import Refused
from accounts.principals import SYSTEM
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.models import Job, JobEvent, Target
from replication.jobs.services.requests import JobRequest, request_job
from replication.shared_paths.core.share_tests import SHARE_TEST_KIND, SWEEP

_LOG = logging.getLogger(__name__)

NO_HEIR = ("cancelled", "worker_died")
"""How targets end whose worker died and which no other takes over."""


def sweep_what_tests_left() -> None:
    """Once for each share test that ended with its worker's death: where no test ran since, which sweeps as well."""
    died = JobEvent.objects.filter(target=OuterRef("pk"), code="target.worker_died")
    ended = Target.objects.filter(
        Exists(died),
        job__kind=SHARE_TEST_KIND,
        job__state__in=(JobState.CANCELLED, JobState.FAILED),
        state__in=(TargetState.CANCELLED, TargetState.FAILED),
        error_code__in=NO_HEIR,
    )
    nodes: dict[Job, list[int]] = defaultdict(list)
    for target in ended.select_related("job").order_by("pk"):
        nodes[target.job].append(target.node_id)
    for job, node_ids in nodes.items():
        later = Job.objects.filter(cluster=job.cluster_id, kind=SHARE_TEST_KIND, pk__gt=job.pk, dry_run=False)
        if not later.filter(state__in=(JobState.SUCCEEDED, JobState.FAILED)).exists():
            _request(job, node_ids)


def _request(job: Job, node_ids: list[int]) -> None:
    request = JobRequest(
        job.cluster_id,
        SHARE_TEST_KIND,
        options={SWEEP: True},
        reason=f"job #{job.pk} ended with its worker's death",
        node_ids=tuple(node_ids),
        idempotency_key=f"share-sweep-{job.pk}",
    )
    try:
        request_job(SYSTEM, request)
    except Refused as refused:
        _LOG.info("What share test #%s left is not removed: %s", job.pk, refused)
