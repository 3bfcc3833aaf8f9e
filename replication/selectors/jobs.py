"""Jobs as the API shows them: a fixed number of queries for any number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Prefetch, QuerySet
from django.db.models.functions import Now

from accounts.principals import Principal
from nodes.clusters.access import visible_clusters
from replication.core.states import JobState, TargetState
from replication.models.history import Conflict, Snapshot
from replication.models.job import Job, JobEvent, Target
from replication.models.worker import PRESENT, Worker


def jobs_for(principal: Principal) -> QuerySet[Job]:
    """The jobs the caller may see, newest first, with their targets' numbers."""
    numbers = Target.objects.defer("evidence", "error").order_by("pk")
    rows = Job.objects.filter(cluster__in=visible_clusters(principal)).select_related("cluster")
    return rows.prefetch_related(Prefetch("targets", numbers), "locks")


def job_for(principal: Principal) -> QuerySet[Job]:
    """The same for one job, with everything about its targets."""
    targets = Target.objects.select_related("node").order_by("node__name")
    rows = Job.objects.filter(cluster__in=visible_clusters(principal)).select_related("cluster")
    return rows.prefetch_related(Prefetch("targets", targets), "locks")


def events_after(job_id: int, *, after: int, limit: int) -> list[JobEvent]:
    """Up to `limit` lines of a job's log that came after the event `after`, in order."""
    rows = JobEvent.objects.filter(job=job_id, pk__gt=after).select_related("target__node").order_by("pk")
    return list(rows[:limit])


def snapshots_for(principal: Principal) -> QuerySet[Snapshot]:
    """The snapshots of the visible clusters, newest first."""
    return Snapshot.objects.filter(cluster__in=visible_clusters(principal)).select_related("cluster", "node")


def conflicts_for(principal: Principal) -> QuerySet[Conflict]:
    """The overwritten edits of the visible clusters, newest first."""
    return Conflict.objects.filter(node__cluster__in=visible_clusters(principal)).select_related("node")


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A worker process that is there, or holds claims. `lease_until`: the claim that ends first. `seen_at`: its last
    sign of life, None for one that gave none lately: it may be dead, and its claims end with their leases."""

    name: str
    planning: int
    driving: int
    since: datetime | None
    lease_until: datetime | None
    queues: str = ""
    seen_at: datetime | None = None

    @property
    def pieces(self) -> int:
        """How much it works at; 0 for an idle one."""
        return self.planning + self.driving


def workers_seen() -> list[WorkerSeen]:
    """The workers that are there, idle ones too, and those that hold claims."""
    planning = _claims(Job.objects.filter(state=JobState.PLANNING))
    driving = _claims(Target.objects.filter(state=TargetState.RUNNING))
    there = {row.name: row for row in Worker.objects.filter(seen_at__gt=Now() - PRESENT)}
    names = sorted(planning.keys() | driving.keys() | there.keys())
    return [_worker(name, planning.get(name), driving.get(name), there.get(name)) for name in names]


@dataclass(frozen=True, slots=True)
class _Claims:
    count: int
    since: datetime | None
    until: datetime | None


def _claims(rows: QuerySet[Job] | QuerySet[Target]) -> dict[str, _Claims]:
    grouped = rows.exclude(owner="").order_by().values_list("owner")
    counted = grouped.annotate(count=Count("pk"), since=Min("started_at"), until=Min("lease_until"))
    return {owner: _Claims(count, since, until) for owner, count, since, until in counted}


def _worker(name: str, planning: _Claims | None, driving: _Claims | None, there: Worker | None) -> WorkerSeen:
    parts = [part for part in (planning, driving) if part]
    return WorkerSeen(
        name,
        planning.count if planning else 0,
        driving.count if driving else 0,
        min((part.since for part in parts if part.since), default=None),
        min((part.until for part in parts if part.until), default=None),
        there.queues if there else "",
        there.seen_at if there else None,
    )


def newest_snapshot(cluster_id: int) -> Snapshot | None:
    """The cluster's latest snapshot; None before the first."""
    return Snapshot.objects.filter(cluster=cluster_id).order_by("-pk").first()
