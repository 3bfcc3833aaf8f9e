"""Tags of the console's frame: the clusters beside every page, the tabs of a cluster or node, addresses within them."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString

from accounts.requests import principal_of
from nodes.clusters.models import Cluster
from nodes.registry.models import Node
from nodes.registry.sidebar import listed
from nodes.registry.status import badges, status_of_cluster
from nodes.web import tabs

register = template.Library()


@register.inclusion_tag("nodes/clusters/_sidebar.html", takes_context=True)
def sidebar_clusters(context: Context) -> dict[str, Any]:
    """The clusters, each with how it stands, the one that the page is about marked."""
    seen = context["clusters_seen"]
    current = _current_cluster(context)
    entries = listed(seen, current)
    return {"entries": entries, "current": current, "more": len(seen) - len(entries), "request": context["request"]}


def _current_cluster(context: Context) -> int | None:
    about = context.get("cluster") or context.get("node") or context.get("job") or context.get("credential")
    return about.pk if isinstance(about, Cluster) else getattr(about, "cluster_id", None)


@register.inclusion_tag("components/tabs.html", takes_context=True)
def tab_bar(context: Context, scope: tabs.Scope, subject: Cluster | Node) -> dict[str, Any]:
    """The tabs of a cluster or node, the one that the page belongs to marked."""
    request = context["request"]
    current = tabs.tab_holding(scope, request.resolver_match.view_name)
    offered = tabs.tabs_of(scope, principal_of(request), subject)
    return {
        "label": f"{subject}",
        "tabs": [(tab.label, tab.address(subject.pk), tab.slug == current) for tab in offered],
    }


@register.simple_tag(takes_context=True)
def cluster_badge(context: Context, cluster: Cluster) -> SafeString:
    """How a cluster stands, as the list beside the page says it."""
    found = (seen.verdict for seen in context["clusters_seen"] if seen.cluster.pk == cluster.pk)
    verdict = next(found, None) or status_of_cluster(cluster, cluster.nodes.all())
    return badges(verdict)


@register.simple_tag
def cluster_page(pk: int) -> str:
    """The address of a cluster."""
    return tabs.home("cluster", pk)


@register.simple_tag
def node_page(pk: int) -> str:
    """The address of a node."""
    return tabs.home("node", pk)


@register.simple_tag
def tab_page(scope: tabs.Scope, pk: int, slug: str) -> str:
    """The address of a tab of a cluster or node."""
    return tabs.tab_page(scope, pk, slug)


@register.simple_tag
def settings_page(scope: tabs.Scope, pk: int, slug: str) -> str:
    """The address of a section of the settings of a cluster or node."""
    return tabs.panel_page(scope, pk, slug)
