"""The watch's rows: who looks when, what came of it, and what operators say of it."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.dispatch import receiver
from django.http import Http404

from accounts.audit import Subject, record
from accounts.models import Role
from accounts.principals import SYSTEM, Principal
from nodes.clusters.access import require
from nodes.clusters.models import Cluster
from nodes.enums import Clustering, NodeRole, ReplicationMode
from nodes.leases.claims import TAKEN_OVER, Claims, RowClaim, holding, release
from nodes.leases.clock import later, now
from nodes.leases.errors import LeaseLost
from nodes.leases.transactions import write_transaction
from nodes.registry.models import Node
from nodes.signals import CLUSTER_CHANGED, LOOK_ASKED
from replication.configuration.core.configuration import REPLICATE
from replication.jobs import wake
from replication.jobs.core.states import JobState
from replication.jobs.models import Job
from replication.jobs.services.events import WARNING, Line
from replication.jobs.services.requests import JobRequest, request_job
from replication.jobs.services.transitions import advance_job
from replication.watch.models import Watch, WatchMemory

SHORTEST, LONGEST = 0.2, 3600.0
"""Limits of an interval in seconds."""


LOOKS = Claims(Watch)


@dataclass(frozen=True, slots=True)
class Look:
    """A watch that is ours. `signals`: how many there were when its next look became due."""

    claim: RowClaim
    cluster_id: int
    signals: int


def watch_over(cluster_id: int) -> Watch:
    """The cluster's watch, made where there is none yet. Raises Http404 where there is no such cluster."""
    row = Watch.objects.filter(cluster=cluster_id).first()
    if row is not None:
        return row
    if not Cluster.objects.filter(pk=cluster_id).exists():
        raise Http404("No such cluster.")
    return Watch.objects.get_or_create(cluster_id=cluster_id)[0]


@receiver(CLUSTER_CHANGED, dispatch_uid="replication.watch")
def begin_watch(cluster_id: int, **_: object) -> None:
    """Give a cluster its watch: in the transaction that makes it; where it was made in another way, with the next thing
    that is learned of it. Nothing for a cluster that is gone."""
    with suppress(Http404):
        watch_over(cluster_id)


def _watched() -> QuerySet[Watch]:
    """Clusters that are paused or disabled, or replicated by the mail server itself, are not looked at."""
    wanted = Watch.objects.filter(
        enabled=True, cluster__paused=False, cluster__replication_mode=ReplicationMode.PORTAL
    ).exclude(cluster__clustering=Clustering.OFF)
    return wanted.order_by("due_at")


def watches_to_see_to(held: Collection[int]) -> list[Watch]:
    """Those of the held that are still to be looked at, and those to be claimed because they are due; one query and no
    write, because it is asked all the time."""
    due = LOOKS.is_free() & Q(due_at__lte=now())
    return list(_watched().filter(Q(pk__in=held) | due | _BEFORE_SET_BACK))


SET_BACK_SECONDS = 5.0
"""Times that are less to come are no sign of a clock that was set back: a statement that waited for another's goes by
the moment at which it began, and the other's is later."""

_BEFORE_SET_BACK = Q(set_at__gt=later(SET_BACK_SECONDS))
"""Rows whose times are of before the database's clock was set back: by them nothing is due, nor free, for long."""


def claim_looks(owner: str, *, limit: int) -> list[Look]:
    """Claim up to `limit` watches whose looks are due."""
    wanted = _watched().filter(due_at__lte=now())
    with write_transaction():
        # an owner may be at it still: all it does is read, and what it writes is void by the new fence
        Watch.objects.filter(_BEFORE_SET_BACK).update(**TAKEN_OVER, **LOOKS.ended(), due_at=now(), set_at=now())
        taken = LOOKS.take(wanted, owner=owner, limit=limit, set_at=now())
    return [Look(claim, row.cluster_id, row.signals) for claim, row in taken]


def finish_look(look: Look, *, again_in: float) -> None:
    """Give a watch back, with when the next look is due: at once where somebody signalled meanwhile. Raises LeaseLost,
    having written nothing, where it is no longer ours."""
    release(look.claim, **_due(look, again_in))


def keep_look(
    look: Look, columns: Mapping[str, Any], *, again_in: float, memory: Mapping[str, Any] | None = None
) -> Look:
    """Write what a look came to, and keep the watch until the next one and a lease longer, in one commit. `memory`:
    what it leaves for the next; None: what it left before. Raises LeaseLost, having written nothing, where the watch is
    no longer ours."""
    left = again_in + settings.PORTAL.lease
    expires = time.monotonic() + left
    with write_transaction():
        if not look.claim.rows().update(lease_until=later(left), **_due(look, again_in), **columns):
            raise LeaseLost("another worker took over")
        if memory is not None:
            WatchMemory.objects.update_or_create(watch_id=look.claim.pk, defaults={"document": memory})
    return replace(look, claim=replace(look.claim, expires=expires))


def _due(look: Look, again_in: float) -> dict[str, Any]:
    due = Case(When(signals=look.signals, then=later(again_in)), default=now())
    return {"due_at": due, "set_at": now()}


def request_for_look(look: Look, *, reason: str, node_ids: Sequence[int], unstable: Sequence[str]) -> int:
    """Request an ordinary job in the portal's own name. `unstable`: files that keep changing, left for later. What this
    watch had requested and is halted is superseded.

    Raises LeaseLost where the look is no longer ours; ValidationError, PermissionDenied and Refused as `request_job`
    does.
    """
    with holding(look.claim):
        request = JobRequest(
            cluster_id=look.cluster_id,
            kind=REPLICATE,
            options={"unstable": sorted(unstable)},
            reason=reason,
            node_ids=tuple(sorted(node_ids)),
        )
        job, _ = request_job(SYSTEM, request)
        _supersede_halted(look.cluster_id, job.pk)
    return job.pk


def _supersede_halted(cluster_id: int, job_id: int) -> None:
    halted = Job.objects.filter(cluster=cluster_id, kind=REPLICATE, requester=SYSTEM.name, state=JobState.HALTED)
    line = Line("job.superseded", f"Superseded by #{job_id}.", WARNING, {"job": job_id})
    columns = {"error_code": "superseded", "error": f"Superseded by #{job_id}."}
    for old in halted.filter(pk__lt=job_id).select_for_update():
        advance_job(old.pk, JobState.CANCELLED, line, only_from=(JobState.HALTED,), columns=columns)


@dataclass(frozen=True, slots=True)
class WatchChange:
    """What an operator wants. `interval` in seconds; None: the product profile's."""

    enabled: bool
    interval: float | None = None


def set_watch(principal: Principal, cluster_id: int, change: WatchChange) -> Watch:
    """Switch the watch on or off and set its interval; operators only. The next look is due at once. Raises Http404,
    PermissionDenied, ValidationError."""
    require(principal, cluster_id, Role.OPERATOR)
    if change.interval is not None and not SHORTEST <= change.interval <= LONGEST:
        raise ValidationError({"interval": f"Use {SHORTEST} to {LONGEST:.0f} seconds, or none for the profile's."})
    with write_transaction():
        watch_over(cluster_id)
        row = Watch.objects.select_for_update().select_related("cluster").get(cluster=cluster_id)
        before = {"enabled": row.enabled, "interval": row.interval}
        after = {"enabled": change.enabled, "interval": change.interval}
        if before != after:
            Watch.objects.filter(pk=row.pk).update(**after, due_at=now(), signals=F("signals") + 1)
            text = f"Switched the watch over {row.cluster} {'on' if change.enabled else 'off'}."
            data = {name: [before[name], after[name]] for name in after}
            record(principal, "watch.set", text, cluster=row.cluster, subject=Subject.of(row), data=data)
            wake.watch()
    return Watch.objects.select_related("cluster", "last_job").get(pk=row.pk)


def signal(principal: Principal, cluster_id: int) -> Watch:
    """Have the primary looked at at once; operators only. However often it is called, there is one look at a time, and
    none is lost. Raises Http404, PermissionDenied."""
    require(principal, cluster_id, Role.OPERATOR)
    with write_transaction():
        row = watch_over(cluster_id)
        moved = Watch.objects.filter(pk=row.pk, due_at__gt=now()).update(due_at=now())
        Watch.objects.filter(pk=row.pk).update(signals=_next_number())
        if moved:
            wake.watch()
    return Watch.objects.select_related("cluster", "last_job").get(pk=row.pk)


@receiver(LOOK_ASKED, dispatch_uid="replication.watch")
def look_again(*, node_ids: Collection[int], **_: Any) -> None:
    """Primaries among these nodes that could not be looked at are looked at at once."""
    primaries = Node.objects.filter(pk__in=node_ids, role=NodeRole.PRIMARY)
    with write_transaction():
        rows = Watch.objects.filter(failures__gt=0, cluster__in=primaries.values("cluster"))
        if rows.update(due_at=now(), signals=_next_number()):
            wake.watch()


def _next_number() -> Case:
    """One more, but for a watch that nobody looks at: there, being due is enough."""
    return Case(When(owner="", then=F("signals")), default=F("signals") + Value(1))
