"""Searches of networks as pages and lists need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require
from nodes.discovery.models import NetworkSearch, SearchHit
from nodes.enums import SearchState
from nodes.registry.models import Node


@dataclass(frozen=True, slots=True)
class HitShown:
    """A server that answered. `ssh`: the first port on which SSH greets, None where none does. `known`: the node of
    this cluster that has the address already."""

    hit: SearchHit
    ssh: int | None
    known: Node | None

    @property
    def name(self) -> str:
        """A proposal for the node's name: the first part of what the banner says."""
        return self.hit.host_name.partition(".")[0]


def searches_of(principal: Principal, cluster_id: int) -> QuerySet[NetworkSearch]:
    """The cluster's searches, newest first, each with `found`. Raises Http404 where the cluster is not visible."""
    require(principal, cluster_id, Role.VIEWER)
    return NetworkSearch.objects.filter(cluster=cluster_id).annotate(found=Count("hits")).order_by("-pk")


def hits_of(search: NetworkSearch) -> list[HitShown]:
    """What a search found, mail servers that name MDaemon first."""
    nodes = list(Node.objects.filter(cluster=search.cluster_id))
    return [_shown(hit, nodes) for hit in search.hits.all()]


def _shown(hit: SearchHit, nodes: Sequence[Node]) -> HitShown:
    ssh = [service["port"] for service in hit.services if service["protocol"] == "ssh"]
    known = next((node for node in nodes if node.address == hit.address and (not ssh or node.port in ssh)), None)
    return HitShown(hit, ssh[0] if ssh else None, known)


def is_open(search: NetworkSearch | None) -> bool:
    """Whether a search is still under way."""
    return search is not None and search.state in (SearchState.REQUESTED, SearchState.RUNNING)
