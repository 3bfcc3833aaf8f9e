"""That a node is not there, and that it is there again, in the cluster log."""

from __future__ import annotations

from nodes.cluster_log import services as cluster_log_services
from nodes.cluster_log.services import Entry
from nodes.enums import Health, LogLevel
from nodes.registry.models import Node


def note_presence(node: Node, health: Health, cause: str = "") -> None:
    """Write a line where a node does not answer any more, or does again, and nothing where neither changes. Call it in
    the transaction that sets the node's health to `health`, before that is set."""
    away = health == Health.DOWN
    if away == (node.health == Health.DOWN):
        return
    entry = (
        Entry(
            cluster_log_services.NODE_AWAY,
            f"Cluster node does not answer: {node.name}. {cause}".strip(),
            LogLevel.WARNING,
            node.name,
        )
        if away
        else Entry(cluster_log_services.NODE_BACK, f"Cluster node answers again: {node.name}", LogLevel.INFO, node.name)
    )
    cluster_log_services.write(node.cluster_id, [entry])
