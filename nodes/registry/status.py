"""A node's state in one word, for pages."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.safestring import SafeString

from nodes.clusters.models import Cluster
from nodes.enums import Clustering, Health, Joining, NodeRole
from nodes.registry.models import Node
from nodes.web.html import badge
from nodes.web.status import Status


def node_badge(node: Node) -> SafeString:
    """What a node's badge says: quarantine and pause before health."""
    found = status_of(node)
    return badge(found.state, found.label)


_WORST_FIRST = ("bad", "warn", "info", "idle", "ok")


def status_of(node: Node) -> Status:
    """What matters most about a node: quarantine, then an operator's pause, then that a secondary is no server of the
    cluster (yet, or any more), then its health."""
    if node.quarantined_reason:
        return Status("quarantined", Health.QUARANTINED.label, node.quarantined_reason)
    if node.paused:
        return Status("paused", "Paused", node.paused_reason)
    if node.role == NodeRole.SECONDARY and node.joining != Joining.JOINED:
        return Status(node.joining, Joining(node.joining).label, node.health_cause)
    return Status(node.health, Health(node.health).label, node.health_cause)


def status_of_cluster(cluster: Cluster, nodes: Iterable[Node]) -> Status:
    """A cluster's verdict: an operator's pause, then that clustering is disabled, then the nodes that are worst off and
    how many they are."""
    if cluster.paused:
        return Status("paused", "Paused", cluster.paused_reason)
    if cluster.clustering == Clustering.OFF:
        return Status("off", "Clustering disabled")
    verdicts = [status_of(node) for node in nodes]
    if not verdicts:
        return Status("unknown", "No nodes yet")
    worst = min(verdicts, key=lambda verdict: _WORST_FIRST.index(verdict.tone))
    if worst.state == Health.OK:
        return worst
    count = sum(verdict.state == worst.state for verdict in verdicts)
    return Status(worst.state, f"{count} {worst.label.lower()}", worst.cause)
