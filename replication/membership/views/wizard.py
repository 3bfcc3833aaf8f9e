"""The join wizard's pages. Where a node stands is read from the database, so anybody can go on at any time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.models import Role
from accounts.requests import principal_of
from nodes.checks.core.readings import Standing
from nodes.checks.forms import AttestForm, RegistrationForm
from nodes.clusters.access import Rights
from nodes.clusters.views import visible_cluster
from nodes.credentials.selectors import credentials_for
from nodes.discovery.forms import SearchForm
from nodes.discovery.selectors import hits_of, is_open, searches_of
from nodes.enums import SERVERS, NodeRole, ReplicationMode
from nodes.facts.selectors.scripts import scripts_of
from nodes.ini_keys.selectors import SHOWN
from nodes.lifecycle.core import OF_ALL, blocking
from nodes.lifecycle.services.joining import OVERWRITTEN
from nodes.registry.forms import FingerprintForm, TypedPasswordForm
from nodes.registry.models import Node
from nodes.registry.selectors import nodes_for, primary_of, wants_password
from nodes.registry.services import nodes as registry
from nodes.registry.views.nodes import visible_node
from nodes.web.actions import FormPage, done, form_page
from replication.configuration.selectors.differences import differences_of
from replication.configuration.selectors.history import findings_of, newest_snapshot
from replication.files.core.changes import ChangeKind, NodeFiles
from replication.jobs.core.plan import NodePlan
from replication.jobs.models import Job
from replication.jobs.selectors.plans import Unreadable, stored_plan
from replication.membership.forms import JoinConfirmForm, JoiningNodeForm
from replication.membership.selectors.wizard import (
    WizardState,
    WizardStep,
    active,
    candidates,
    progress_of,
)

SHOWN_PATHS = 50


def join_page(node_id: int, step: WizardStep | None = None) -> str:
    """The address of a node's wizard, at a step or where it stands."""
    address = reverse("replication:join", args=[node_id])
    return f"{address}?step={step}" if step else address


def find(request: HttpRequest, pk: int) -> HttpResponse:
    """Which server shall join: search networks, or type it; and those already on their way."""
    cluster = visible_cluster(request, pk)
    principal = principal_of(request)
    search = searches_of(principal, pk).first()
    nodes = list(nodes_for(principal).filter(cluster=cluster, role=NodeRole.SECONDARY))
    context = {
        "cluster": cluster,
        "rights": Rights.on(principal, pk),
        "primary": primary_of(cluster),
        "search": search,
        "searching": is_open(search),
        "hits": hits_of(search) if search else [],
        "candidates": candidates(nodes),
        "form": SearchForm(initial={"networks": ", ".join(search.networks)} if search else None),
    }
    return render(request, "replication/membership/join_find.html", context)


def type_in(request: HttpRequest, pk: int) -> HttpResponse:
    """Register a server as a secondary; what a search found comes filled in."""
    cluster = visible_cluster(request, pk, Role.ADMINISTRATOR)
    principal = principal_of(request)
    credentials = credentials_for(principal).filter(cluster=cluster)
    given = {name: request.GET[name] for name in ("name", "address", "port") if request.GET.get(name)}
    form = JoiningNodeForm(request.POST or None, credentials=credentials, initial=given)
    node = form.attempt(lambda: registry.register_node(principal, new=form.new(cluster))) if request.POST else None
    if node is not None:
        return done(request, join_page(node.pk), f"Registered {node.name}. Nothing was changed on it.")
    lead = "This registers the server. Nothing is written to it before you confirm that by typing its name."
    page = FormPage(
        f"A server to join {cluster}", "Continue", reverse("replication:join-find", args=[pk]), "Back", lead
    )
    return form_page(request, form, page)


def join(request: HttpRequest, pk: int) -> HttpResponse:
    """The wizard of one node, at the step asked for or where it stands."""
    node = visible_node(request, pk)
    progress = progress_of(node)
    steps = [one.step for one in progress.steps]
    step = _step(request.GET.get("step", ""), progress)
    at = steps.index(step)
    context: dict[str, Any] = {
        "node": node,
        "rights": Rights.on(principal_of(request), node.cluster_id),
        "progress": progress,
        "step": step,
        "part": f"replication/membership/join_{step.replace('-', '_')}.html",
        "previous": steps[at - 1] if at else None,
        "next": steps[at + 1] if at + 1 < len(steps) and progress.steps[at].state == "done" else None,
        "number": at + 1,
        "count": len(steps),
    }
    return render(request, "replication/membership/join.html", context | _of_step(request, node, step, progress))


def _step(word: str, progress: WizardState) -> WizardStep:
    """The step asked for, if it can be reached; else where the node stands."""
    steps = [one.step for one in progress.steps]
    reached = steps[: steps.index(progress.current) + 1]
    return next((step for step in reached if step == word), progress.current)


def _of_step(request: HttpRequest, node: Node, step: WizardStep, progress: WizardState) -> dict[str, Any]:
    """What only one step shows."""
    parts: dict[WizardStep, Callable[[], dict[str, Any]]] = {
        WizardStep.HOST_KEY: lambda: {"fingerprint_form": FingerprintForm(auto_id="given-%s")},
        WizardStep.CREDENTIAL: lambda: _credentials(request, node, progress),
        WizardStep.CHECKS: lambda: _checks(node, progress) | _attesting(node, progress),
        WizardStep.DIFFERENCES: lambda: _differences(request, node, progress),
        WizardStep.CONFIRM: lambda: _confirmation(node, progress) | _attesting(node, progress),
        WizardStep.PLAN: lambda: _plan(node, progress) | _attesting(node, progress),
    }
    return parts.get(step, dict)()


def _checks(node: Node, progress: WizardState) -> dict[str, Any]:
    scripts = scripts_of(node)
    untried = scripts is not None and scripts.state == "brought"
    return {"refreshing": progress.facts is None or untried, "scripts": scripts}


def _attesting(node: Node, progress: WizardState) -> dict[str, Any]:
    """The forms for what only a person can see: of this server, and of every other one that stands in its way."""
    named = {node.name, *(check.node for check in progress.checks if check.blocks and check.code in OF_ALL)}
    servers = sorted(node.cluster.nodes.filter(name__in=named), key=lambda one: one.pk != node.pk)
    keyless = any(one.code == "registration_key" and one.standing != Standing.PASS for one in progress.checks)
    return {
        "attesting": [(one, AttestForm(auto_id=f"attest-{one.pk}-%s")) for one in servers],
        "registration_form": RegistrationForm(auto_id="registration-%s") if keyless else None,
    }


def _credentials(request: HttpRequest, node: Node, progress: WizardState) -> dict[str, Any]:
    shown = {"credentials": list(credentials_for(principal_of(request)).filter(cluster=node.cluster_id))}
    if progress.approved is None or not wants_password(node):
        return shown
    return shown | {"password_form": TypedPasswordForm.of(node, progress.approved.fingerprint)}


def _plan(node: Node, progress: WizardState) -> dict[str, Any]:
    refusing = [check for check in progress.checks if check.blocks and check.code in OF_ALL]
    return {
        "refreshing": active(progress.first),
        "outlook": _outlook(progress.first, node),
        "refusing": [] if progress.is_done else refusing,
    }


def _confirmation(node: Node, progress: WizardState) -> dict[str, Any]:
    refusing = () if node.joining in SERVERS else blocking(progress.checks)
    passed_by = (check for check in progress.checks if check.standing == Standing.UNKNOWN and not check.blocks)
    unknown = dict.fromkeys(check.label for check in passed_by)
    return {
        "form": JoinConfirmForm(name=node.name, acceptable=[check for check in refusing if check.acceptable]),
        "sentence": OVERWRITTEN,
        "outlook": _outlook(progress.comparison, node),
        "native": node.cluster.replication_mode == ReplicationMode.NATIVE,
        "refusing": [check for check in refusing if not check.acceptable],
        "unknown": list(unknown),
    }


def _differences(request: HttpRequest, node: Node, progress: WizardState) -> dict[str, Any]:
    snapshot = newest_snapshot(node.cluster_id)
    differing = differences_of(principal_of(request), node, SHOWN + 1)
    try:
        unsorted = findings_of(snapshot).unclassified
        trouble = ""
    except Unreadable as error:
        unsorted, trouble = (), str(error)
    return {
        "refreshing": active(progress.comparison),
        "scanned": snapshot is not None,
        "differences": differing[:SHOWN],
        "differences_more": len(differing) > SHOWN,
        "unclassified": unsorted[:SHOWN_PATHS],
        "unclassified_more": max(0, len(unsorted) - SHOWN_PATHS),
        "findings_trouble": trouble,
        "outlook": _outlook(progress.comparison, node),
    }


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a plan would do to the node, in numbers, and the first files that would be overwritten or deleted."""

    added: int
    overwritten: int
    deleted: int
    touched: int
    extras: int
    problems: int
    lost: tuple[str, ...]
    away: str


def _outlook(job: Job | None, node: Node) -> Outlook | None:
    """The job's plan for the node; None while there is none, or where it cannot be read."""
    try:
        plan = stored_plan(job) if job else None
    except Unreadable:
        return None
    part = next((one for one in plan.nodes if one.node_id == node.pk), None) if plan else None
    return _counted(part) if part else None


def _counted(part: NodePlan) -> Outlook:
    files: NodeFiles = part.detail or NodeFiles()
    kinds = Counter(change.kind for change in part.steps)
    lost = [str(change.path) for change in part.steps if change.kind in (ChangeKind.UPDATE, ChangeKind.DELETE)]
    return Outlook(
        added=kinds[ChangeKind.ADD],
        overwritten=kinds[ChangeKind.UPDATE],
        deleted=kinds[ChangeKind.DELETE],
        touched=kinds[ChangeKind.TOUCH],
        extras=len(files.extras),
        problems=len(part.problems),
        lost=tuple(lost[:SHOWN_PATHS]),
        away=part.away,
    )
