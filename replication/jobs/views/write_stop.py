"""The switch that stops all writes, reached from every page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters.access import require_portal
from nodes.web.actions import FormPage, done, form_page
from replication.jobs.forms import AllowForm, StopForm
from replication.jobs.selectors.signals import write_stop_sentence
from replication.jobs.services.write_stop import allow_writes, stop_all_writes


def write_stop(request: HttpRequest) -> HttpResponse:
    """Stop all writes with a reason, or allow them again: the page asks before either."""
    return _allow(request) if write_stop_sentence() else _stop(request)


def _stop(request: HttpRequest) -> HttpResponse:
    principal = principal_of(request)
    require_portal(principal, Role.OPERATOR)
    form = StopForm(request.POST if request.POST.get("act") == "stop" else None)
    if form.attempt(lambda: stop_all_writes(principal, form.cleaned_data["reason"])) is not None:
        return done(request, reverse("replication:dashboard"), "Stopped: no job changes any node.")
    lead = (
        "Every job stops before its next change on a node, within seconds. Reading and planning go on. "
        "What was begun is finished or undone file by file; nothing is left half written."
    )
    page = FormPage(
        "Stop all writes", "Stop all writes", reverse("replication:dashboard"), "Dashboard", lead, danger=True
    )
    return form_page(request, form, page, act="stop")


def _allow(request: HttpRequest) -> HttpResponse:
    principal = principal_of(request)
    require_portal(principal, Role.ADMINISTRATOR)
    form = AllowForm(request.POST if request.POST.get("act") == "allow" else None)
    if form.attempt(lambda: allow_writes(principal, form.cleaned_data["reason"])) is not None:
        return done(
            request, reverse("replication:dashboard"), "Writes are allowed again; jobs go on where they stopped."
        )
    lead = "Jobs go on where they stopped."
    page = FormPage("Allow writes again", "Allow writes", reverse("replication:dashboard"), "Dashboard", lead)
    return form_page(request, form, page, act="allow")
