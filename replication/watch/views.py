"""The watch: the live part of the pages that show it, and its acts."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters.access import Rights
from nodes.clusters.views import visible_cluster
from nodes.registry.models import Node
from nodes.web.actions import act, act_with
from nodes.web.tabs import panel_page, tab_page
from replication.configuration.core.configuration import REPLICATE
from replication.jobs.services.requests import JobRequest, request_job
from replication.jobs.views.actions import job_page
from replication.watch.forms import WatchForm
from replication.watch.selectors.state import watch_state
from replication.watch.services import look_again, set_watch, signal


def watch(request: HttpRequest, pk: int) -> HttpResponse:
    """The live part alone."""
    row = visible_cluster(request, pk)
    principal = principal_of(request)
    context = {"cluster": row, "rights": Rights.on(principal, pk), "watch": watch_state(principal, pk)}
    return render(request, "replication/watch/_watch_live.html", context)


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch the watch on or off, or set its interval."""
    form = WatchForm(request.POST)
    return act_with(
        request,
        form,
        lambda: set_watch(principal_of(request), pk, form.change()),
        to=panel_page("cluster", pk, "watch"),
        message="Saved. The primary is looked at now." if request.POST.get("enabled") else "The watch is switched off.",
    )


@require_POST
def look_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the primary looked at at once."""
    return act(
        request, lambda: signal(principal_of(request), pk), to=_part(pk), message="The primary is being looked at."
    )


@require_POST
def replicate_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Request an ordinary job for all secondaries, without a form."""
    visible_cluster(request, pk, Role.OPERATOR)
    asked = JobRequest(cluster_id=pk, kind=REPLICATE, reason="replicate now", idempotency_key=_key(request))
    made: list[int] = []

    def ask() -> None:
        made.append(request_job(principal_of(request), asked)[0].pk)
        look_again(node_ids=list(Node.objects.filter(cluster=pk).values_list("pk", flat=True)))

    answer = act(
        request,
        ask,
        to=_part(pk),
        message="Requested: the job is planned now.",
    )
    return HttpResponseRedirect(job_page(made[0])) if made else answer


def _key(request: HttpRequest) -> str:
    return request.POST.get("key", "")[:100] or uuid.uuid4().hex


def _part(pk: int) -> str:
    return tab_page("cluster", pk, "configuration")
