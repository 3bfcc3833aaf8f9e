"""Pages of a cluster's checks and its log, and the small acts beside them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from accounts.principals import Principal
from accounts.requests import principal_of
from nodes.forms.guards import AttestForm, FeatureForm, LogForm, RegistrationForm
from nodes.logfile import DOWNLOAD_LINES, log_file
from nodes.models.cluster import Cluster
from nodes.models.cluster_log import ClusterLogLine
from nodes.models.node import Node
from nodes.selectors.guards import (
    LogQuery,
    attestations_of,
    cluster_features,
    guards_of,
    log_lines,
    registration_of,
)
from nodes.services import attestations, features, registration
from nodes.services.guards import note_checks
from nodes.tasks import ask_for_facts
from nodes.views.acting import FormPage, Rights, act, act_with, done, form_page
from nodes.views.clusters import visible_cluster
from nodes.views.nodes import node_page

SHOWN_LINES = 300
FOLLOWED_LINES = 200


def checks_part(principal: Principal, cluster: Cluster) -> dict[str, Any]:
    """What the cluster's page shows of its checks: those that do not pass, and its last log lines."""
    guards = guards_of(principal, cluster)
    return {
        "guards_open": [guard for guard in guards if guard.row.state in ("fail", "warn")],
        "guards_unknown": sum(guard.row.state == "unknown" for guard in guards),
        "guards_passed": sum(guard.row.state == "pass" for guard in guards),
        "log_lines": _newest(principal, cluster.pk, LogQuery(), 8),
    }


def attested_part(principal: Principal, node: Node) -> dict[str, Any]:
    """What the node's page shows of what people said."""
    return {
        "attestations": list(attestations_of(principal, node)),
        "registration": registration_of(principal, node),
        "attest_form": AttestForm(auto_id="attest-%s"),
        "registration_form": RegistrationForm(auto_id="registration-%s"),
    }


def _newest(principal: Principal, pk: int, query: LogQuery, count: int) -> list[ClusterLogLine]:
    return list(reversed(log_lines(principal, pk, query).order_by("-pk")[:count]))


def checks(request: HttpRequest, pk: int) -> HttpResponse:
    """Every guard with evidence, since when, remedy."""
    cluster = visible_cluster(request, pk)
    principal = principal_of(request)
    context = {
        "cluster": cluster,
        "rights": Rights.on(principal, pk),
        "guards": guards_of(principal, cluster),
        "features": cluster_features(cluster),
    }
    return render(request, "nodes/checks.html", context)


@require_POST
def run_checks(request: HttpRequest, pk: int) -> HttpResponse:
    """Judge now, and read the nodes anew."""

    def ask() -> None:
        note_checks(principal_of(request), cluster_id=pk)
        ask_for_facts(pk)

    message = "Checked what is known; workers read the nodes anew, and the list follows."
    return act(request, ask, to=reverse("nodes:checks", args=[pk]), message=message)


def feature(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """Say where a feature's switch is."""
    cluster = visible_cluster(request, pk)
    rule = next((rule for rule in cluster_features(cluster) if rule.code == code), None)
    initial = {name: getattr(rule, name) for name in ("path", "section", "key", "off")} if rule and rule.key else None
    form = FeatureForm(request.POST or None, initial=initial)
    back = reverse("nodes:checks", args=[pk])
    if request.method == "POST":
        principal = principal_of(request)
        saved = form.attempt(lambda: features.set_feature_key(principal, cluster_id=pk, place=form.place(code)))
        if saved is not None:
            return done(request, back, "Saved. The check follows when the nodes were read anew.")
    lead = "Find it on a server: compare the file before and after the change. Nothing is written by saving this."
    title = f"Where is the switch of {rule.label if rule else code}?"
    return form_page(request, form, FormPage(title, "Save", back, "Checks", lead))


@require_POST
def attest(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what a person saw on the server."""
    form = AttestForm(request.POST)
    return act_with(
        request,
        form,
        lambda: attestations.attest(principal_of(request), node_id=pk, word=form.word()),
        to=f"{node_page(pk)}#attested",
        message="Kept, with your name and the time.",
    )


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a word back."""
    subject = request.POST.get("subject", "")
    return act(
        request,
        lambda: attestations.withdraw(principal_of(request), node_id=pk, subject=subject),
        to=f"{node_page(pk)}#attested",
        message="Taken back: it is not known again.",
    )


@require_POST
def register_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the digest of a registration key."""
    form = RegistrationForm(request.POST)
    return act_with(
        request,
        form,
        lambda: registration.seal_registration(principal_of(request), node_id=pk, key=form.key()),
        to=f"{node_page(pk)}#attested",
        message="Kept a sealed digest of the key; the key itself is not kept.",
    )


def log(request: HttpRequest, pk: int) -> HttpResponse:
    """The cluster log: its end, followed live."""
    cluster = visible_cluster(request, pk)
    form = LogForm(request.GET)
    lines = _newest(principal_of(request), pk, form.query(), SHOWN_LINES)
    asked = {name: request.GET[name] for name in ("level", "node", "search") if request.GET.get(name)}
    context = {
        "cluster": cluster,
        "form": form,
        "lines": lines,
        "asked": urlencode(asked),
        "after": lines[-1].pk if lines else 0,
    }
    return render(request, "nodes/cluster_log.html", context)


def live_log(request: HttpRequest, pk: int) -> HttpResponse:
    """The lines that came since."""
    query = LogForm(request.GET).query()
    lines = list(log_lines(principal_of(request), pk, query)[:FOLLOWED_LINES])
    asked = {name: request.GET[name] for name in ("level", "node", "search") if request.GET.get(name)}
    after = lines[-1].pk if lines else query.after
    context = {"cluster_id": pk, "lines": lines, "after": after, "asked": urlencode(asked), "live": True}
    return render(request, "nodes/cluster_log_live.html", context)


def download_log(request: HttpRequest, pk: int) -> HttpResponse:
    """The log as a text file."""
    cluster = visible_cluster(request, pk)
    return log_file(cluster, list(log_lines(principal_of(request), pk, LogForm(request.GET).query())[:DOWNLOAD_LINES]))
