"""Which secondaries are looked at, and what they are compared with."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from nodes.enums import Clustering, Health, Joining, NodeRole, ReplicationMode
from nodes.registry.models import Node
from nodes.registry.services.health import LIMIT
from replication.jobs.core.states import TargetState
from replication.jobs.models import Target


def nodes_to_compare(**of: int) -> list[Node]:
    """Secondaries that something was proven on, that are there, and that no job works on, of clusters whose primary is
    watched; each with cluster, facts and baseline. `of`: columns that narrow them down."""
    at_work = Target.objects.filter(node=OuterRef("pk"), state=TargetState.RUNNING)
    rows = Node.objects.filter(
        ~Exists(at_work),
        role=NodeRole.SECONDARY,
        joining=Joining.JOINED,
        quarantined_reason="",
        baseline__isnull=False,
        cluster__paused=False,
        cluster__replication_mode=ReplicationMode.PORTAL,
        cluster__watch__enabled=True,
        **of,
    )
    refusing = Q(health=Health.DEGRADED) & ~Q(health_cause__startswith=LIMIT)  # a limit is kept again or not: one looks
    rows = rows.exclude(cluster__clustering=Clustering.OFF).exclude(Q(health=Health.DOWN) | refusing)
    return list(rows.select_related("cluster", "facts", "baseline").order_by("pk"))


def worked_on_since(moment: datetime, nodes: Collection[int]) -> set[int]:
    """Of these nodes, those that a job works on or worked on since a moment: what was seen there meanwhile is void."""
    targets = Target.objects.filter(Q(state=TargetState.RUNNING) | Q(ended_at__gte=moment), node__in=nodes)
    return set(targets.values_list("node", flat=True))
