"""The checks of a node that joins, judged over what is known now."""

from __future__ import annotations

from nodes.health.joining import JoinCheck, join_checks
from nodes.models.node import Node
from nodes.selectors.readings import cluster_reading


def checks_of(node: Node) -> tuple[JoinCheck, ...]:
    """Those that concern the node, its primary or its cluster, in a fixed number of queries."""
    return join_checks(cluster_reading(node.cluster), node.name)
