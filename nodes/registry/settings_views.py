"""A node's settings: one page a section, each registered by the capability it belongs to."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.requests import principal_of
from nodes.clusters.access import Rights, role_on
from nodes.registry.views.nodes import visible_node
from nodes.web.settings_page import settings_context


def settings(request: HttpRequest, pk: int, slug: str = "") -> HttpResponse:
    """The section of this slug, or the first."""
    node = visible_node(request, pk)
    role = role_on(principal_of(request), node.cluster_id)
    context = settings_context(request, "node", node, role=role, slug=slug)
    return render(request, "nodes/registry/settings.html", {"node": node, "rights": Rights.of(role), **context})
