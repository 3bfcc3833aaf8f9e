"""A cluster's settings: one page a section, each registered by the capability it belongs to."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.requests import principal_of
from nodes.clusters.access import Rights, role_on
from nodes.clusters.views import visible_cluster
from nodes.web.settings_page import settings_context


def settings(request: HttpRequest, pk: int, slug: str = "") -> HttpResponse:
    """The section of this slug, or the first."""
    cluster = visible_cluster(request, pk)
    role = role_on(principal_of(request), pk)
    context = settings_context(request, "cluster", cluster, role=role, slug=slug)
    return render(request, "nodes/clusters/settings.html", {"cluster": cluster, "rights": Rights.of(role), **context})
