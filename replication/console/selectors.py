"""What the dashboard and the pages of a cluster and a node show besides the cluster and the node themselves."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from accounts.principals import Principal
from nodes.clusters.access import visible_clusters
from nodes.clusters.models import Cluster
from replication.jobs.core.states import JobState


def clusters_with_nodes(principal: Principal) -> QuerySet[Cluster]:
    """The visible clusters with their nodes, `running_jobs` and `waiting_approvals`."""
    active = Q(jobs__state__in=[JobState.REQUESTED, JobState.PLANNING, JobState.RUNNING, JobState.CONVERGING])
    return (
        visible_clusters(principal)
        .annotate(
            running_jobs=Count("jobs", filter=active, distinct=True),
            waiting_approvals=Count(
                "jobs", filter=Q(jobs__state__in=[JobState.AWAITING_APPROVAL, JobState.HALTED]), distinct=True
            ),
        )
        .prefetch_related("nodes")
    )
