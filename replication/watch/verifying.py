"""The daily deep verify: of watched clusters, one after the other, in the portal's own name."""

from __future__ import annotations

import logging
import math
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError

from accounts.errors import Refused
from accounts.principals import SYSTEM
from accounts.refusals import in_words
from nodes.clusters.models import Cluster
from replication.configuration.core.configuration import DEEP, REPLICATE
from replication.jobs.services.requests import JobRequest, request_job
from replication.watch.selectors.deep import clusters_to_verify, watched_clusters
from replication.watch.selectors.served import served_by_watch

_LOG = logging.getLogger(__name__)

TURN = timedelta(minutes=5)
"""How often it is seen whose turn it is."""


def request_due(moment: datetime) -> list[int]:
    """Request a deep verify of clusters whose last one was `PORTAL.deep` hours before this moment; in one turn of so
    many that all have theirs within that time, so that they do not begin together. Answers the jobs. Doing it twice is
    fine."""
    period = timedelta(hours=settings.PORTAL.deep)
    if not period:
        return []
    share = math.ceil(watched_clusters().count() * (TURN / period))
    made: list[int] = []
    for cluster in clusters_to_verify(moment - period):
        if len(made) == share:
            break
        made += _request(cluster)
    return made


def _request(cluster: Cluster) -> list[int]:
    """The job, if the watch serves anybody there. Two workers who ask after the same last verify make one job."""
    served = served_by_watch(cluster)
    if not served.nodes:
        return []
    request = JobRequest(
        cluster_id=cluster.pk,
        kind=REPLICATE,
        options={DEEP: True, "unstable": []},
        reason=f"deep verify, every {settings.PORTAL.deep:g} h",
        node_ids=tuple(sorted(served.nodes)),
        idempotency_key=f"deep verify of {cluster.pk} after {cluster.verified_by}",  # type: ignore[attr-defined]
    )
    try:
        return [request_job(SYSTEM, request)[0].pk]
    except (Refused, ValidationError) as error:
        _LOG.debug("cluster %s: no deep verify: %s", cluster, in_words(error))
        return []
