"""What the dashboard and the pages of a cluster and a node show besides the cluster and the node themselves."""

from __future__ import annotations

from django.db.models import Count, Prefetch, Q, QuerySet

from accounts.principals import Principal
from nodes.clusters.access import visible_clusters
from nodes.clusters.models import Cluster
from nodes.registry.models import Node
from replication.core.states import JOB_ACTIVE, JobState, TargetState
from replication.models.history import Baseline, Conflict, Snapshot
from replication.models.job import (
    Job,
    JobEvent,
    ResourceLock,
    Target,
)


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
        .prefetch_related(Prefetch("nodes", Node.objects.order_by("name")))
    )


def visible_jobs(principal: Principal) -> QuerySet[Job]:
    """The jobs of the visible clusters, newest first."""
    return Job.objects.filter(cluster__in=visible_clusters(principal)).select_related("cluster")


def active_jobs(principal: Principal) -> QuerySet[Job]:
    """Those that have not ended."""
    return visible_jobs(principal).filter(state__in=list(JOB_ACTIVE))


def locks_held(principal: Principal) -> QuerySet[ResourceLock]:
    """Which job holds which resource since when."""
    return (
        ResourceLock.objects.filter(job__cluster__in=visible_clusters(principal))
        .select_related("job__cluster")
        .order_by("resource")
    )


def snapshots_of(cluster: Cluster) -> QuerySet[Snapshot]:
    """The cluster's history, newest first."""
    return Snapshot.objects.filter(cluster=cluster).select_related("node")


def open_conflicts(cluster: Cluster) -> QuerySet[Conflict]:
    """Edits made on secondaries that replication overwrote and nobody has looked at."""
    return Conflict.objects.filter(node__cluster=cluster, closed_at=None).select_related("node", "job")


def targets_of_node(node: Node) -> QuerySet[Target]:
    """The node's part in jobs, newest first."""
    return Target.objects.filter(node=node).select_related("job__cluster").order_by("-id")


def jobs_listed(principal: Principal) -> QuerySet[Job]:
    """The visible jobs with `target_count`, `verified_count` and `trouble_count`."""
    trouble = [TargetState.FAILED, TargetState.BLOCKED, TargetState.CONTENDED, TargetState.HALTED]
    return visible_jobs(principal).annotate(
        target_count=Count("targets"),
        verified_count=Count("targets", filter=Q(targets__state=TargetState.VERIFIED)),
        trouble_count=Count("targets", filter=Q(targets__state__in=trouble)),
    )


def targets_of(job: Job) -> QuerySet[Target]:
    """The job's targets with their nodes, by name."""
    return Target.objects.filter(job=job).select_related("node").order_by("node__name")


def events_of(job: Job, *, after: int = 0, last: int | None = None) -> list[JobEvent]:
    """The job's log in its order: what came after an event's id; of that the `last` ones, None for all."""
    rows = JobEvent.objects.filter(job=job, pk__gt=after).select_related("target__node")
    if last is None:
        return list(rows.order_by("id"))
    return list(reversed(rows.order_by("-id")[:last]))


def locks_of(job: Job) -> QuerySet[ResourceLock]:
    """What the job holds."""
    return ResourceLock.objects.filter(job=job).order_by("resource")


def baseline_of(node: Node) -> Baseline | None:
    """What was last proven on the node; None if nothing ever was."""
    return Baseline.objects.filter(node=node).select_related("snapshot").first()
