"""The checks of a node that joins, judged over what is known now."""

from __future__ import annotations

from nodes.checks.selectors.readings import cluster_reading
from nodes.lifecycle.core import JoinCheck, join_checks
from nodes.registry.models import Node


def checks_of(node: Node) -> tuple[JoinCheck, ...]:
    """Those that concern the node, its primary or its cluster, in a fixed number of queries."""
    return join_checks(cluster_reading(node.cluster), node.name)
