"""Enabling clustering and, after the cluster's name was typed, disabling it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters.models import Cluster
from nodes.clusters.views import visible_cluster
from nodes.enums import Clustering
from nodes.web.actions import (
    FormPage,
    act,
    done,
    form_page,
)
from nodes.web.forms import ConfirmName
from nodes.web.tabs import panel_page
from replication.clustering.services import clustering
from replication.clustering.services.clustering import DisableRequest
from replication.jobs.views.actions import job_page

LEAD = (
    "What clustering had switched off on the primary is planned to be given back; you approve the plan. Secondaries "
    "get the same by one more replication. Once that is proven nothing is replicated any more. A secondary that shall "
    "have what it held before it joined leaves the cluster, before or after."
)


class DisableForm(ConfirmName):
    """The cluster's name, and why."""

    reason = forms.CharField(required=False, max_length=300, label="Reason", help_text="Shown on the job.")
    field_order = ("typed", "reason")

    def request(self, cluster: Cluster) -> DisableRequest:
        """What was typed."""
        data: dict[str, Any] = self.cleaned_data
        return DisableRequest(cluster.pk, confirm_name=data["typed"], reason=data["reason"])


@require_POST
def enable(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the servers act as one."""
    return act(
        request,
        lambda: clustering.enable(principal_of(request), pk),
        to=panel_page("cluster", pk, "clustering"),
        message="Enabled. What does not go with clustering is planned to be switched off where it is on.",
    )


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a paused cluster's jobs run again."""
    return act(
        request,
        lambda: clustering.resume(principal_of(request), pk),
        to=panel_page("cluster", pk, "pause"),
        message="Resumed: the cluster's jobs run again.",
    )


def disable(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the name, then show the job."""
    cluster = visible_cluster(request, pk, Role.ADMINISTRATOR)
    back = panel_page("cluster", pk, "clustering")
    if cluster.clustering == Clustering.OFF:
        return done(request, back, "Clustering is disabled already.")
    form = DisableForm(request.POST or None, name=cluster.name)
    if request.method == "POST":
        job = form.attempt(lambda: clustering.disable(principal_of(request), form.request(cluster)))
        if job is not None:
            return redirect(job_page(job.pk))
    page = FormPage(f"Disable clustering of {cluster}", "Disable clustering", back, "Settings", LEAD, danger=True)
    return form_page(request, form, page)
