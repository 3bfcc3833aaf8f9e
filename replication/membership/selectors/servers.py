"""The registered servers of a cluster: its primary and every secondary that was taken in; and those on their way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require
from nodes.enums import PROVEN_ONCE, NodeRole
from nodes.registry.models import Node
from nodes.registry.selectors import nodes_for


@dataclass(frozen=True, slots=True)
class Servers:
    """`registered`: the guide's Registered Servers, the primary first; `others`: nodes that are no servers yet, or no
    more."""

    registered: tuple[Node, ...]
    others: tuple[Node, ...]


def servers_of(principal: Principal, cluster_id: int) -> Servers:
    """Both lists, with facts and baseline, in one query. Raises Http404 where the cluster is not visible."""
    require(principal, cluster_id, Role.VIEWER)
    return sorted_servers(_with_baseline(nodes_for(principal).filter(cluster=cluster_id)))


def sorted_servers(nodes: Sequence[Node] | QuerySet[Node]) -> Servers:
    """Nodes that were read already, as both lists."""
    ordered = sorted(nodes, key=lambda node: node.role != NodeRole.PRIMARY)
    listed = tuple(node for node in ordered if is_server(node))
    return Servers(listed, tuple(node for node in ordered if not is_server(node)))


def is_server(node: Node) -> bool:
    """Whether a node is listed under Registered Servers."""
    return node.role == NodeRole.PRIMARY or node.joining in PROVEN_ONCE


def _with_baseline(nodes: QuerySet[Node]) -> QuerySet[Node]:
    return nodes.select_related("cluster", "credential", "facts", "baseline")
