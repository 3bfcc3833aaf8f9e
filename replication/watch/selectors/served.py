"""What the watch looks at besides the primary: the secondaries it serves, what they were last given, the jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from nodes.clusters.models import Cluster
from nodes.enums import REPLICATED, NodeRole
from nodes.errors import AuthRejected, HostKeyMismatch, HostKeyUnknown, PasswordUnbound
from nodes.registry.models import Node
from replication.configuration.core.configuration import REPLICATE
from replication.configuration.models import Baseline, Snapshot
from replication.jobs.core.states import JOB_TERMINAL, JobState, TargetState
from replication.jobs.models import Job, Target
from replication.watch.core.decision import JobSeen

REFUSALS = frozenset({AuthRejected.code, HostKeyMismatch.code, HostKeyUnknown.code, PasswordUnbound.code})
"""Errors after which a node is left alone until it could be logged in to again: more tries could lock the account."""

UNPROVEN = frozenset({TargetState.FAILED, TargetState.BLOCKED, TargetState.CONTENDED, TargetState.HALTED})


@dataclass(frozen=True, slots=True)
class Served:
    """The secondaries that the watch serves: those that were proven once and can be logged in to. `behind`: those of
    them whose last job ended without proof. `left_out`: the others by name, with the reason. `reference`: the snapshot
    that all of them were given at least; None where that is not known. `given_by`: the job that last gave each of them
    something, the oldest of these. `held`: of every secondary that something was proven on, what it holds."""

    nodes: frozenset[int] = frozenset()
    behind: frozenset[int] = frozenset()
    left_out: Mapping[str, str] = field(default_factory=dict)
    reference: Snapshot | None = None
    given_by: int = 0
    held: tuple[Holding, ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """The tree of the primary's files that are proven on a secondary, and how many it was last said to lack."""

    node_id: int
    root: str
    behind: int


def served_by_watch(cluster: Cluster) -> Served:
    """Ask the database, in two queries."""
    last = Target.objects.filter(node=OuterRef("pk"), job__kind=REPLICATE, job__dry_run=False).order_by("-job_id")
    rows = (
        Node.objects.filter(cluster=cluster, role=NodeRole.SECONDARY)
        .select_related("facts", "baseline__snapshot")
        .annotate(last_target=Subquery(last.values("pk")[:1]))
    )
    nodes = list(rows)
    found = Target.objects.select_related("job__snapshot").defer("evidence").in_bulk([n.last_target for n in nodes])
    targets = {node.pk: found.get(node.last_target) for node in nodes}
    left_out = {node.name: why for node in nodes if (why := _why_left_out(node, targets[node.pk]))}
    served = {node.pk: target for node in nodes if node.name not in left_out and (target := targets[node.pk])}
    oldest = min(served.values(), key=lambda target: target.job.snapshot_id or 0, default=None)
    return Served(
        nodes=frozenset(served),
        behind=frozenset(pk for pk, target in served.items() if _is_behind(target)),
        left_out=left_out,
        reference=oldest.job.snapshot if oldest else None,
        given_by=min((target.job_id for target in served.values()), default=0),
        held=tuple(Holding(node.pk, row.held, node.behind) for node in nodes if (row := _proof(node)) and row.held),
    )


def _proof(node: Node) -> Baseline | None:
    return getattr(node, "baseline", None)


def _why_left_out(node: Node, target: Target | None) -> str:
    if node.joining not in REPLICATED:
        return "nobody confirmed that it joins"
    if node.quarantined_reason:
        return "it is quarantined; approve its host key"
    if _proof(node) is None or target is None:
        return "nothing was proven there yet; its first replication is requested by a person"
    refused = target.state == TargetState.FAILED and target.error_code in REFUSALS
    if refused and not _was_read_since(node, target.ended_at):
        return "it refuses the portal; the watch goes on once it can be logged in to"
    return ""


def _was_read_since(node: Node, moment: datetime | None) -> bool:
    """Whether it could be logged in to since. A moment to come is of before the clock was set back: the order is lost,
    and one try tells."""
    facts = getattr(node, "facts", None)
    return facts is not None and moment is not None and (facts.read_at > moment or moment > timezone.now())


def _is_behind(target: Target) -> bool:
    return target.state in UNPROVEN and target.job.state in (*JOB_TERMINAL, JobState.HALTED)


@dataclass(frozen=True, slots=True)
class JobsSeen:
    """The cluster's replications that go on, and the newest that ended or halted (superseded ones apart)."""

    active: tuple[JobSeen, ...]
    newest: JobSeen | None


def jobs_seen(cluster: Cluster) -> JobsSeen:
    """Ask the database. Dry runs do not count."""
    jobs = Job.objects.filter(cluster=cluster, kind=REPLICATE, dry_run=False)
    active = list(jobs.exclude(state__in=JOB_TERMINAL).prefetch_related("targets").order_by("pk"))
    over = jobs.filter(state__in=(*JOB_TERMINAL, JobState.HALTED)).exclude(error_code="superseded")
    newest = over.order_by("-pk").first()
    return JobsSeen(tuple(_seen(job) for job in active), _seen(newest) if newest else None)


def _seen(job: Job) -> JobSeen:
    state = JobState(job.state)
    targets = frozenset(target.node_id for target in job.targets.all()) if state not in JOB_TERMINAL else frozenset()
    return JobSeen(
        id=job.pk,
        state=state,
        nodes=targets or frozenset(job.node_ids),
        error_code=job.error_code,
        error=job.error,
        ended_at=job.ended_at.timestamp() if job.ended_at else None,
    )
