"""What people do to jobs: request, approve, cancel, retry, override brakes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.models import Role
from accounts.refusals import refusals_as_messages
from accounts.requests import principal_of
from nodes.clusters.models import Cluster
from nodes.clusters.views import cluster_page, visible_cluster
from nodes.web.actions import (
    FormPage,
    act,
    act_with,
    form_page,
)
from replication.jobs.forms import OverrideForm, RequestForm
from replication.jobs.kinds import Slot, kind_of, offers_in
from replication.jobs.services import requests


def job_page(job_id: int) -> str:
    """The address of a job's page."""
    return reverse("replication:job", args=[job_id])


def request_job(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a job on a cluster; sending the form twice makes one job."""
    cluster = visible_cluster(request, pk, Role.OPERATOR)
    principal = principal_of(request)
    word = request.POST.get("kind") or request.GET.get("kind") or _first_offered(cluster)
    kind = kind_of(word)
    initial = {"way": "dry" if request.GET.get("dry_run") else "real", "kind": word}
    shape: type[RequestForm] = (kind and kind.form) or RequestForm
    initial |= {name: request.GET[name] for name in shape.presets if name in request.GET}
    form = shape(request.POST or None, cluster=cluster, initial=initial)
    if request.method == "POST":
        made = form.attempt(lambda: requests.request_job(principal, form.job_request()))
        if made is not None:
            return redirect(job_page(made[0].pk))
    page = FormPage(f"Request a job for {cluster}", "Request job", cluster_page(pk), cluster.name)
    return form_page(request, form, page)


def _first_offered(cluster: Cluster) -> str:
    return next((kind.word for kind, _ in offers_in(Slot.REQUEST, cluster)), "")


@require_POST
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the plan run exactly as it was shown."""
    return act(
        request,
        lambda: requests.approve_job(principal_of(request), pk, request.POST.get("digest", "")),
        to=job_page(pk),
        message="Approved: the plan runs exactly as shown.",
    )


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop the job before its next change."""
    return act(
        request,
        lambda: requests.cancel_job(principal_of(request), pk),
        to=job_page(pk),
        message="Cancelled: what runs stops before its next change.",
    )


@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """A new job for what failed."""
    shown = pk
    with refusals_as_messages(request):
        shown = requests.retry_job(principal_of(request), pk).pk
    return redirect(job_page(shown))


@require_POST
def override(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a halted job plan again without the named brakes, for an hour."""
    asked = request.POST.getlist("codes")
    form = OverrideForm(request.POST, codes=[(code, code) for code in asked])
    return act_with(
        request,
        form,
        lambda: requests.override_brakes(
            principal_of(request), pk, form.cleaned_data["codes"], form.cleaned_data["reason"]
        ),
        to=job_page(pk),
        message="Overridden for an hour: the job plans again.",
    )
