"""How nodes and clusters stand, from their rows: the one verdict that pages, lists and REST show."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q
from django.utils import timezone
from django.utils.safestring import SafeString

from nodes.clusters.models import Cluster
from nodes.enums import Clustering, Health, Joining, NodeRole, ReplicationMode
from nodes.registry.core.verdict import LABELS, Known, Serving, Verdict, Word, verdict_on, verdict_on_cluster
from nodes.registry.models import Node
from nodes.web.html import pill

COLUMNS = (
    "cluster_id",
    "role",
    "joining",
    "health",
    "health_cause",
    "health_since",
    "quarantined_reason",
    "paused",
    "paused_reason",
    "behind",
    "behind_since",
    "edited",
    "edited_since",
    "incomplete",
    "compared_at",
    "reached_at",
)
"""What a verdict is made of."""


def status_of(node: Node) -> Verdict:
    """A node's verdict, from its row and its cluster's."""
    known = Known(
        primary=node.role == NodeRole.PRIMARY,
        joining=node.joining,
        serving=_serving(node.cluster),
        health=node.health,
        cause=node.health_cause,
        health_since=node.health_since,
        quarantined=node.quarantined_reason,
        paused=node.paused,
        paused_reason=node.paused_reason,
        behind=node.behind,
        behind_since=node.behind_since,
        edited=node.edited,
        edited_since=node.edited_since,
        incomplete=node.incomplete,
        compared_at=node.compared_at,
        reached_at=node.reached_at,
    )
    return verdict_on(known, timezone.localtime())


def _serving(cluster: Cluster) -> Serving:
    if cluster.clustering == Clustering.OFF:
        return Serving.ALONE
    return Serving.NATIVE if cluster.replication_mode == ReplicationMode.NATIVE else Serving.PORTAL


def status_of_cluster(cluster: Cluster, nodes: Iterable[Node]) -> Verdict:
    """A cluster's verdict: that of the nodes that are worst off, and how many they are."""
    return verdict_on_cluster(
        [status_of(node) for node in nodes],
        alone=cluster.clustering == Clustering.OFF,
        paused=cluster.paused,
        paused_reason=cluster.paused_reason,
    )


def badges(verdict: Verdict) -> SafeString:
    """The verdict as a pill, and a second one beside it where an operator paused."""
    shown = pill(verdict.tone, verdict.text)
    return shown + pill("warn", "Paused") if verdict.paused else shown


def node_badge(node: Node) -> SafeString:
    """How a node stands, as every list and page shows it."""
    return badges(status_of(node))


_UP = Q(quarantined_reason="") & ~Q(health__in=(Health.DOWN, Health.DEGRADED))
_SERVED = (
    _UP
    & Q(
        role=NodeRole.SECONDARY,
        joining=Joining.JOINED,
        compared_at__isnull=False,
        cluster__replication_mode=ReplicationMode.PORTAL,
    )
    & ~Q(cluster__clustering=Clustering.OFF)
)

FILTERS = {
    Word.QUARANTINED: ~Q(quarantined_reason=""),
    Word.AWAY: Q(quarantined_reason="", health=Health.DOWN),
    Word.DEGRADED: Q(quarantined_reason="", health=Health.DEGRADED),
    Word.EDITED: _SERVED & Q(edited__gt=0),
    Word.BEHIND: _SERVED & Q(edited=0, behind__gt=0),
    Word.INCOMPLETE: _SERVED & Q(edited=0, behind=0) & ~Q(incomplete=""),
    Word.IN_SYNC: _SERVED & Q(edited=0, behind=0, incomplete=""),
}
"""Verdicts that lists are filtered by, as conditions on nodes."""

CHOICES = [(word.value, LABELS[word]) for word in FILTERS]
