"""The sections of the page about mail routing: whether nodes share their queues, and what waits in them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters.access import Rights
from nodes.clusters.models import Cluster
from nodes.clusters.views import visible_cluster
from nodes.products.errors import ProfileError
from nodes.queues.selectors.gate import routing_gate
from nodes.queues.selectors.queues import queues_of
from nodes.queues.tasks import ask_to_count, count_while_watched
from nodes.shares.selectors.layout import paths_row
from nodes.shares.services.paths import set_routing
from nodes.web.actions import act, done
from nodes.web.tabs import tab_page
from replication.shared_paths.forms.routing import RoutingForm
from replication.shared_paths.selectors.routing import routing_of, routing_preview


def routing_part(_request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    """What was set, and what the servers do."""
    try:
        shown = routing_of(cluster)
    except ProfileError as error:
        return {"no_profile": str(error)}
    return {"routing": shown, "routing_form": RoutingForm(row=shown.row)}


def queues_part(_request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    """What waits. Whoever looks has it counted again."""
    count_while_watched(cluster.pk)
    return {"queues": queues_of(cluster)}


@require_safe
def queues(request: HttpRequest, pk: int) -> HttpResponse:
    """The live part alone."""
    cluster = visible_cluster(request, pk)
    context = {"cluster": cluster, "rights": Rights.on(principal_of(request), pk), **queues_part(request, cluster)}
    return render(request, "replication/shared_paths/_queues.html", context)


@require_POST
def read_queues_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the queues counted at once."""
    principal = principal_of(request)
    return act(request, lambda: ask_to_count(principal, pk), to=_page(pk), message="The queues are being read.")


def save_routing(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what was chosen. What is refused is shown beside its field."""
    cluster = visible_cluster(request, pk, Role.ADMINISTRATOR)
    if request.method != "POST":
        return HttpResponseRedirect(_page(pk))
    shown, principal = routing_of(cluster), principal_of(request)
    form = RoutingForm(request.POST, row=shown.row)
    saved = form.attempt(
        lambda: set_routing(
            principal, cluster_id=pk, change=form.change(), gate=routing_gate, seen_version=form.version()
        )
    )
    if saved is not None:
        return done(request, _page(pk), "Saved. Nothing was written to a server; applying it does that.")
    context = {"cluster": cluster, "rights": Rights.on(principal, pk), "routing": shown, "routing_form": form}
    return render(request, "replication/shared_paths/routing_refused.html", context)


@require_POST
def preview_routing(request: HttpRequest, pk: int) -> HttpResponse:
    """Where the shared queues would lie, and what is wrong, while somebody types. Nothing is kept."""
    cluster = visible_cluster(request, pk, Role.ADMINISTRATOR)
    form = RoutingForm(request.POST, row=paths_row(cluster))
    if not form.is_valid():
        return HttpResponse(status=204)
    place, complaints = routing_preview(cluster, form.change())
    context = {"preview_place": place, "preview_complaints": complaints}
    return render(request, "replication/shared_paths/_routing_preview.html", context)


def _page(pk: int) -> str:
    return tab_page("cluster", pk, "routing")
