"""The first page: how every cluster is, what needs attention, what was done lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import Role
from accounts.principals import rank
from accounts.requests import principal_of
from nodes.checks.models import Guard
from nodes.checks.selectors.checks import worst_checks
from nodes.clusters.models import Cluster
from nodes.registry.core.verdict import Verdict
from nodes.registry.models import Node
from nodes.registry.status import status_of, status_of_cluster
from nodes.registry.topology import FileServer
from nodes.shares.selectors.servers import here, servers_of
from replication.console.selectors import clusters_with_nodes
from replication.jobs.selectors.jobs import visible_jobs

RECENT_JOBS = 8
DRAWN_CLUSTERS = 6


@dataclass(frozen=True, slots=True)
class ClusterCard:
    """A cluster as the dashboard shows it."""

    cluster: Cluster
    nodes: tuple[Node, ...]
    verdict: Verdict
    in_order: int
    check: Guard | None
    servers: tuple[FileServer, ...] = ()

    @property
    def failing(self) -> bool:
        """Whether a check fails."""
        return self.check is not None and self.check.state == "fail"

    @classmethod
    def of(cls, cluster: Cluster, check: Guard | None) -> ClusterCard:
        """The card of a cluster whose nodes were fetched with it; `check`: the check that is worst off."""
        nodes = tuple(cluster.nodes.all())
        verdict = status_of_cluster(cluster, nodes)
        in_order = sum(status_of(node).tone == "ok" for node in nodes)
        return cls(cluster, nodes, verdict, in_order, check)


def _drawn(cards: Sequence[ClusterCard]) -> list[ClusterCard]:
    """The clusters that are drawn, with their file servers."""
    drawn = [card for card in cards if card.nodes][:DRAWN_CLUSTERS]
    servers = servers_of({card.cluster: here(card.nodes) for card in drawn})
    return [replace(card, servers=servers.get(card.cluster.pk, ())) for card in drawn]


def dashboard(request: HttpRequest) -> HttpResponse:
    """Everything at a glance; where there is nothing yet, the next step."""
    principal = principal_of(request)
    clusters = list(clusters_with_nodes(principal))
    checks = worst_checks([cluster.pk for cluster in clusters])
    cards = [ClusterCard.of(cluster, checks.get(cluster.pk)) for cluster in clusters]
    verdicts = [(card.cluster, node, status_of(node)) for card in cards for node in card.nodes]
    troubled = [one for one in verdicts if one[2].tone in ("bad", "warn") or one[2].paused]
    context = {
        "cards": cards,
        "drawn": _drawn(cards),
        "troubled": troubled,
        "jobs": list(visible_jobs(principal)[:RECENT_JOBS]),
        "node_count": sum(len(card.nodes) for card in cards),
        "may_create": rank(principal.portal_role()) >= rank(Role.ADMINISTRATOR),
    }
    return render(request, "replication/console/dashboard.html", context)
