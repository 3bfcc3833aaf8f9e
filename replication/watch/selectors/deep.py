"""Deep verifies, jobs that hash every file anew: whose turn it is, and how the last one stands."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.principals import SYSTEM
from nodes.clusters.models import Cluster
from nodes.enums import Clustering, Health, NodeRole, ReplicationMode
from nodes.registry.models import Node
from replication.configuration.core.configuration import DEEP, REPLICATE
from replication.jobs.core.states import JOB_ACTIVE, JobState
from replication.jobs.models import Job
from replication.jobs.selectors.jobs import with_standing

AT_WORK = JOB_ACTIVE - {JobState.CONVERGING}
"""States in which a replication stands against another. One that only waits for nodes that are away may do so for
days."""

_DEEP_JOBS = Job.objects.filter(kind=REPLICATE, **{f"options__{DEEP}": True})


def last_deep(cluster: Cluster) -> Job | None:
    """The newest deep verify of a cluster, whoever asked for it, with its standing; one query."""
    return with_standing(_DEEP_JOBS.filter(cluster=cluster)).order_by("-pk").first()


def watched_clusters() -> QuerySet[Cluster]:
    """Those that the portal replicates without being asked."""
    rows = Cluster.objects.filter(watch__enabled=True, paused=False, replication_mode=ReplicationMode.PORTAL)
    return rows.exclude(clustering=Clustering.OFF)


def clusters_to_verify(before: datetime) -> QuerySet[Cluster]:
    """Watched clusters whose primary is there, that no replication is at work on, and whose last deep verify of all was
    requested before a moment (`verified_by`: that job), or that have been in use since then; whose turn it is longest
    first."""
    of_all = _DEEP_JOBS.filter(Q(requester=SYSTEM.name) | Q(node_ids=[]), cluster=OuterRef("pk"), dry_run=False)
    last = of_all.order_by("-pk")
    at_work = Job.objects.filter(cluster=OuterRef("pk"), kind=REPLICATE, state__in=AT_WORK)
    primary = Node.objects.filter(cluster=OuterRef("pk"), role=NodeRole.PRIMARY, quarantined_reason="")
    rows = watched_clusters().annotate(
        verified_by=Subquery(last.values("pk")[:1]),
        verified_at=Coalesce(Subquery(last.values("created_at")[:1]), "clustering_since", "created_at"),
    )
    there = Exists(primary.exclude(health__in=(Health.DOWN, Health.DEGRADED)))
    return rows.filter(there, ~Exists(at_work), verified_at__lte=before).order_by("verified_at", "pk")
