"""Pages of a cluster's checks and its log, and the small acts beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.principals import Principal
from accounts.requests import principal_of
from nodes.checks.forms import AttestForm, RegistrationForm
from nodes.checks.matrix import first_open, matrix
from nodes.checks.selectors.checks import (
    WORST_FIRST,
    attestations_of,
    checks_shown,
    registration_of,
)
from nodes.checks.services import attestations, registration
from nodes.checks.services.checks import note_checks
from nodes.cluster_log.selectors import LogQuery, _newest
from nodes.clusters.access import Rights
from nodes.clusters.models import Cluster
from nodes.clusters.views import visible_cluster
from nodes.enums import Health, NodeRole
from nodes.facts.tasks import ask_for_facts
from nodes.registry.models import Node
from nodes.registry.selectors import nodes_for
from nodes.web import tabs
from nodes.web.actions import (
    act,
    act_with,
)

NOT_ASKED = frozenset({Health.DOWN, Health.DEGRADED, Health.QUARANTINED})
"""How nodes are doing from which nothing could be read the last time."""

SHOWN_CHECKS = 4
"""Checks that an overview names, the worst first; the rest is a number."""


def not_asked(nodes: Iterable[Node]) -> list[Node]:
    """The nodes that could not be asked the last time: what their checks say is older."""
    return [node for node in nodes if node.health in NOT_ASKED]


def checks_part(principal: Principal, cluster: Cluster, nodes: Iterable[Node]) -> dict[str, Any]:
    """What the cluster's page shows of its checks: those that do not pass, who could not be asked, and its last log
    lines."""
    checks = checks_shown(principal, cluster)
    opened = [check for check in checks if check.row.state in ("fail", "warn")]
    return {
        "checks_open": opened[:SHOWN_CHECKS],
        "checks_more": len(opened[SHOWN_CHECKS:]),
        "checks_unknown": sum(check.row.state == "unknown" for check in checks),
        "checks_passed": sum(check.row.state == "pass" for check in checks),
        "not_asked": not_asked(nodes),
        "log_lines": _newest(principal, cluster.pk, LogQuery(), 8),
    }


def attested_part(principal: Principal, node: Node) -> dict[str, Any]:
    """What a node's settings show of what people said, with the forms to say more."""
    return {
        "attestations": list(attestations_of(principal, node)),
        "registration": registration_of(principal, node),
        "attest_form": AttestForm(auto_id="attest-%s"),
        "registration_form": RegistrationForm(auto_id="registration-%s"),
    }


def node_checks_part(principal: Principal, node: Node) -> dict[str, Any]:
    """What a node's page shows of the checks that say something of it: those that do not pass, the worst first, and how
    many pass."""
    rows = matrix(checks_shown(principal, node.cluster), [node.name])
    judged = [row for row in rows if row.cells[0].standing]
    open_rows = [row for row in judged if row.cells[0].standing != "pass"]
    return {
        "node_checks": sorted(open_rows, key=lambda row: WORST_FIRST.index(row.cells[0].standing)),
        "node_checks_passed": len(judged) - len(open_rows),
        "not_asked": not_asked([node]),
    }


def checks(request: HttpRequest, pk: int) -> HttpResponse:
    """Every check on every server; evidence, remedy and since when of the one that is opened."""
    cluster = visible_cluster(request, pk)
    principal = principal_of(request)
    servers = sorted(nodes_for(principal).filter(cluster=cluster), key=lambda node: node.role != NodeRole.PRIMARY)
    rows = matrix(checks_shown(principal, cluster), [node.name for node in servers])
    context = {
        "cluster": cluster,
        "rights": Rights.on(principal, pk),
        "servers": servers,
        "rows": rows,
        "not_asked": not_asked(servers),
        "opened": request.GET.get("open", first_open(rows)),
    }
    return render(request, "nodes/checks/checks.html", context)


@require_POST
def run_checks(request: HttpRequest, pk: int) -> HttpResponse:
    """Judge now, and read the nodes anew."""

    def ask() -> None:
        note_checks(principal_of(request), cluster_id=pk)
        ask_for_facts(pk)

    message = "Checked what is known; workers read the nodes anew, and the list follows."
    return act(request, ask, to=reverse("nodes:checks", args=[pk]), message=message)


@require_POST
def attest(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what a person saw on the server."""
    form = AttestForm(request.POST)
    return act_with(
        request,
        form,
        lambda: attestations.attest(principal_of(request), node_id=pk, word=form.word()),
        to=tabs.panel_page("node", pk, "attested"),
        message="Kept, with your name and the time.",
    )


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a word back."""
    subject = request.POST.get("subject", "")
    return act(
        request,
        lambda: attestations.withdraw(principal_of(request), node_id=pk, subject=subject),
        to=tabs.panel_page("node", pk, "attested"),
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
        to=tabs.panel_page("node", pk, "attested"),
        message="Kept a sealed digest of the key; the key itself is not kept.",
    )
