"""One node's row, for changing it."""

from __future__ import annotations

from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require
from nodes.registry.models import Node
from nodes.rows import compare, take


def take_node(principal: Principal, node_id: int, role: Role, seen_version: int | None = None) -> Node:
    """Lock a node. Raises Http404, PermissionDenied, Stale."""
    node = take(Node.objects.all(), node_id, "node")
    require(principal, node.cluster_id, role)
    return compare(node, seen_version)
