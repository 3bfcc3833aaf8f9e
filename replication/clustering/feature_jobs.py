"""The jobs that switch features off when clustering is enabled, and give them back when it is disabled."""

from __future__ import annotations

from django.db.models import OuterRef, Q, QuerySet

from nodes.clusters.models import Cluster
from replication.clustering.core.features import FEATURES
from replication.configuration.core.configuration import REPLICATE
from replication.jobs.core.states import JOB_ACTIVE
from replication.jobs.models import Job


def switching_jobs(cluster: Cluster | OuterRef, to: str) -> QuerySet[Job]:
    """All jobs of a cluster that switch, or switched, features `to`."""
    return Job.objects.filter(cluster=cluster, kind=FEATURES, options__to=to, dry_run=False)


def switching(cluster: Cluster, to: str) -> QuerySet[Job]:
    """The cluster's jobs that switch features `to` and were requested since clustering became as it is, or have not
    ended; the newest first."""
    rows = switching_jobs(cluster, to)
    since = cluster.clustering_since
    return rows.filter(Q(created_at__gte=since) | Q(state__in=JOB_ACTIVE)) if since else rows


def giving_to_secondaries(cluster: Cluster, restore: Job) -> Job | None:
    """The newest replication to all nodes since `restore` gave the primary its features back."""
    rows = Job.objects.filter(cluster=cluster, kind=REPLICATE, dry_run=False, node_ids=[])
    return rows.filter(created_at__gte=restore.ended_at).order_by("-pk").first()
