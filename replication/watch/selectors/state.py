"""The watch as pages and the API show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import Http404
from django.utils import timezone

from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require
from nodes.clusters.models import Cluster
from nodes.clusters.selectors import plain_profile
from nodes.counted import some
from nodes.enums import SERVERS, Clustering, NodeRole, ReplicationMode
from nodes.products.errors import ProfileError
from nodes.registry.core.verdict import Verdict
from nodes.registry.status import status_of
from replication.jobs.core.states import JobState
from replication.jobs.models import Job
from replication.watch.core.changes import Memory, churning
from replication.watch.core.decision import WatchStatus
from replication.watch.models import Watch
from replication.watch.selectors.served import served_by_watch

SHOWN = 20
"""Names shown of each list."""

DEFAULT_SECONDS, DEFAULT_CHURN = 5.0, 12
"""Shown where the cluster's profile cannot be read; the watch itself says so then."""

SENTENCES = {
    "new": "The primary is looked at soon.",
    "off": "The watch is switched off: changes are replicated when somebody asks for it.",
    "native": "MDaemon's own cluster service replicates this cluster; the portal only looks.",
    "disabled": "Clustering is disabled: nothing is replicated.",
    "paused": "The cluster is paused. Changes are taken once it is resumed.",
}


@dataclass(frozen=True, slots=True)
class Churner:
    """A file that changes so often that it is hardly configuration."""

    path: str
    changes: int
    since: datetime


@dataclass(frozen=True, slots=True)
class StubbornFile:
    """A file or folder of the primary that cannot be read; the secondaries keep what was last known of it."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Secondary:
    """A secondary and how it stands."""

    node: int
    name: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class WatchState:
    """Everything there is to see. `mood`: off, native, disabled, paused, new, quiet, settling, requested, held, away or
    cannot_look: the primary is not away, and yet it cannot be looked at. `interval`: what was set, None for the
    profile's (`profile_interval`), both in seconds. `proven_after`: seconds from the first sight of the last change to
    its proof on all secondaries; None while there is none."""

    cluster: int
    enabled: bool
    mood: str
    sentence: str
    interval: float | None
    profile_interval: float
    due_at: datetime
    looking: bool
    looked_at: datetime | None
    took: float | None
    pending: int
    pending_since: datetime | None
    pending_paths: tuple[str, ...]
    unreadable: tuple[StubbornFile, ...]
    churning: tuple[Churner, ...]
    churn_per_hour: int
    left_out: Mapping[str, str]
    secondaries: tuple[Secondary, ...]
    last_change: str
    last_change_at: datetime | None
    last_job: int | None
    last_job_state: str
    proven_after: float | None
    retry_at: datetime | None
    error_code: str
    error: str

    @property
    def in_sync(self) -> int:
        """How many secondaries there is nothing to say of."""
        return sum(one.verdict.tone == "ok" for one in self.secondaries)


def watch_state(principal: Principal, cluster_id: int) -> WatchState:
    """The watch over a cluster's primary. Raises Http404 where the cluster is not visible."""
    require(principal, cluster_id, Role.VIEWER)
    cluster = Cluster.objects.filter(pk=cluster_id).first()
    if cluster is None:
        raise Http404("No such cluster.")
    row = Watch.objects.select_related("last_job", "memory").filter(cluster=cluster).first() or Watch(cluster=cluster)
    return _state(cluster, row, *_numbers(cluster))


def _numbers(cluster: Cluster) -> tuple[float, int]:
    try:
        profile = plain_profile(cluster)
    except ProfileError:
        return DEFAULT_SECONDS, DEFAULT_CHURN
    return profile.watch_seconds, profile.churn_per_hour


def _state(cluster: Cluster, row: Watch, profile_interval: float, churn_limit: int) -> WatchState:
    kept = getattr(row, "memory", None)
    memory = Memory.kept_in(kept.document) if kept else Memory()
    mood = _mood(cluster, row)
    secondaries = _secondaries(cluster)
    paths = sorted(memory.pending)[:SHOWN]
    return WatchState(
        cluster=cluster.pk,
        enabled=row.enabled,
        mood=mood,
        sentence=SENTENCES.get(mood, row.note) or (calm(secondaries) if mood == WatchStatus.QUIET else ""),
        interval=row.interval,
        profile_interval=profile_interval,
        due_at=row.due_at,
        looking=bool(row.owner),
        looked_at=row.looked_at,
        took=row.took,
        pending=row.pending,
        pending_since=row.pending_since,
        pending_paths=tuple(paths),
        unreadable=tuple(StubbornFile(path, why) for path, why in sorted(memory.stubborn.items())[:SHOWN]),
        churning=_churners(memory, churn_limit),
        churn_per_hour=churn_limit,
        left_out=served_by_watch(cluster).left_out,
        secondaries=secondaries,
        last_change=row.last_change,
        last_change_at=row.last_change_at,
        last_job=row.last_job_id,
        last_job_state=row.last_job.state if row.last_job else "",
        proven_after=_proven_after(row, row.last_job),
        retry_at=_ahead(row.retry_at),
        error_code=row.error_code,
        error=row.error,
    )


def _secondaries(cluster: Cluster) -> tuple[Secondary, ...]:
    rows = cluster.nodes.filter(role=NodeRole.SECONDARY, joining__in=SERVERS).select_related("cluster")
    return tuple(Secondary(node.pk, node.name, status_of(node)) for node in rows)


def calm(secondaries: Sequence[Secondary]) -> str:
    """What is said where the primary shows nothing new: that all is well only where it is."""
    others = [one for one in secondaries if one.verdict.tone != "ok"]
    if not others:
        return "Nothing on the primary has changed, and all secondaries are in sync."
    names = [f"{one.name} ({one.verdict.text[:1].lower()}{one.verdict.text[1:]})" for one in others]
    return f"Nothing more on the primary has changed. Not in sync: {some(names, SHOWN)}."


def _mood(cluster: Cluster, row: Watch) -> str:
    if cluster.replication_mode != ReplicationMode.PORTAL:
        return "native"
    if cluster.clustering == Clustering.OFF:
        return "disabled"
    if not row.enabled:
        return "off"
    return "paused" if cluster.paused else WatchStatus(row.mood).value


def _churners(memory: Memory, limit: int) -> tuple[Churner, ...]:
    found = churning(memory, limit, timezone.now().timestamp())
    zone = timezone.get_current_timezone()
    rows = [Churner(path, count, datetime.fromtimestamp(memory.churn[path][0], zone)) for path, count in found.items()]
    return tuple(rows[:SHOWN])


def _proven_after(row: Watch, job: Job | None) -> float | None:
    if job is None or job.state != JobState.SUCCEEDED or job.ended_at is None or row.last_change_at is None:
        return None
    return round((job.ended_at - row.last_change_at) / timedelta(seconds=1), 3)


def _ahead(seconds: float) -> datetime | None:
    moment = datetime.fromtimestamp(seconds, timezone.get_current_timezone())
    return moment if moment > timezone.now() else None
