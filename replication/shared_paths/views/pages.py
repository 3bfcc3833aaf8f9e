"""The two pages of a cluster: its shared paths, and its mail routing. Each section brings its own part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.errors import Refused
from accounts.requests import principal_of
from nodes.clusters.access import Rights
from nodes.clusters.models import Cluster
from nodes.clusters.views import visible_cluster
from nodes.shares.selectors.layout import rules_of
from replication.shared_paths.views.accounts import accounts_part
from replication.shared_paths.views.applying import apply_part
from replication.shared_paths.views.keys import keys_part
from replication.shared_paths.views.layout import layout_part
from replication.shared_paths.views.routing import queues_part, routing_part
from replication.shared_paths.views.share_test import matrix_part

Part = Callable[[HttpRequest, Cluster], dict[str, Any]]
"""What a section's template needs."""

PATH_PARTS: tuple[Part, ...] = (
    layout_part,
    keys_part,
    apply_part,
    accounts_part,
    matrix_part,
)
ROUTING_PARTS: tuple[Part, ...] = (
    routing_part,
    queues_part,
)


@require_safe
def shared_paths(request: HttpRequest, pk: int) -> HttpResponse:
    """Where the folders that all nodes share lie, and shall lie; what nodes can do there."""
    return _page(request, pk, PATH_PARTS, "replication/shared_paths/shared_paths.html")


@require_safe
def routing(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether nodes share their mail queues, and what waits in them."""
    return _page(request, pk, ROUTING_PARTS, "replication/shared_paths/routing.html")


def _page(request: HttpRequest, pk: int, parts: tuple[Part, ...], template: str) -> HttpResponse:
    cluster = visible_cluster(request, pk)
    context: dict[str, Any] = {"cluster": cluster, "rights": Rights.on(principal_of(request), pk)}
    try:
        rules_of(cluster)
    except Refused as refused:  # without a profile no section has anything to tell
        return render(request, "replication/shared_paths/no_profile.html", context | {"why": refused.detail})
    for part in parts:
        context |= part(request, cluster)
    return render(request, template, context)
