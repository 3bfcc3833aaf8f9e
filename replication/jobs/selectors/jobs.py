"""Jobs as the API shows them: a fixed number of queries for any number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, Min, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import Now

from accounts.principals import Principal
from nodes.clusters.access import visible_clusters
from nodes.registry.models import Node
from replication.jobs.core.states import JOB_ACTIVE, TARGET_TERMINAL, JobState, TargetState
from replication.jobs.models import (
    PRESENT,
    Job,
    JobEvent,
    ResourceLock,
    Target,
    Worker,
    WriteStop,
)


def with_standing(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """The jobs with what may keep them from going on: their cluster, `writes_stopped`, and `nodes_paused`: somebody
    paused every node that they still have to do."""
    to_do = Target.objects.filter(job=OuterRef("pk")).exclude(state__in=TARGET_TERMINAL)
    all_paused = Q(Exists(to_do)) & ~Q(Exists(to_do.filter(node__paused=False)))
    return jobs.select_related("cluster").annotate(
        writes_stopped=Exists(WriteStop.objects.filter(stopped=True)),
        nodes_paused=ExpressionWrapper(all_paused, output_field=BooleanField()),
    )


def jobs_for(principal: Principal) -> QuerySet[Job]:
    """The jobs the caller may see, newest first, with their targets' numbers."""
    numbers = Target.objects.defer("evidence", "error").order_by("pk")
    return visible_jobs(principal).prefetch_related(Prefetch("targets", numbers), "locks")


def job_for(principal: Principal) -> QuerySet[Job]:
    """The jobs the caller may see, with all columns of their targets and the nodes: for showing one."""
    targets = Target.objects.select_related("node__cluster").order_by("node")
    return visible_jobs(principal).prefetch_related(Prefetch("targets", targets), "locks")


def events_after(job_id: int, *, after: int, limit: int) -> list[JobEvent]:
    """Up to `limit` lines of a job's log that came after the event `after`, in order."""
    rows = JobEvent.objects.filter(job=job_id, pk__gt=after).select_related("target__node").order_by("pk")
    return list(rows[:limit])


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
        """How many jobs it plans and targets it drives; 0 for an idle one."""
        return self.planning + self.driving


def workers_seen() -> list[WorkerSeen]:
    """The workers that are there, idle ones too, and those that hold claims."""
    planning = _claims(Job.objects.filter(state=JobState.PLANNING))
    driving = _claims(Target.objects.filter(state=TargetState.RUNNING))
    there = {row.name: row for row in Worker.objects.filter(seen_at__gt=Now() - PRESENT)}
    names = sorted(planning.keys() | driving.keys() | there.keys())
    return [_worker(name, planning.get(name), driving.get(name), there.get(name)) for name in names]


def is_any_worker_there() -> bool:
    """Whether one gave a sign of life lately."""
    return Worker.objects.filter(seen_at__gt=Now() - PRESENT).exists()


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


def visible_jobs(principal: Principal) -> QuerySet[Job]:
    """The jobs of the visible clusters, newest first."""
    return with_standing(Job.objects.filter(cluster__in=visible_clusters(principal)))


def active_jobs(principal: Principal) -> QuerySet[Job]:
    """The visible jobs that have not ended."""
    return visible_jobs(principal).filter(state__in=list(JOB_ACTIVE))


def locks_held(principal: Principal) -> QuerySet[ResourceLock]:
    """Which job holds which resource since when."""
    return (
        ResourceLock.objects.filter(job__cluster__in=visible_clusters(principal))
        .select_related("job__cluster")
        .order_by("resource")
    )


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
    return Target.objects.filter(job=job).select_related("node__cluster").order_by("node")


def events_of(job: Job, *, after: int = 0, last: int | None = None) -> list[JobEvent]:
    """The job's log in its order: what came after an event's id; of that the `last` ones, None for all."""
    rows = JobEvent.objects.filter(job=job, pk__gt=after).select_related("target__node")
    if last is None:
        return list(rows.order_by("id"))
    return list(reversed(rows.order_by("-id")[:last]))


def locks_of(job: Job) -> QuerySet[ResourceLock]:
    """The resources that the job holds."""
    return ResourceLock.objects.filter(job=job).order_by("resource")
