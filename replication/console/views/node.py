"""A node's overview: who it is, what it said of itself, its part in the latest jobs. It only shows; what can be set is
under the settings."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.requests import principal_of
from nodes.checks.selectors.checks import attestations_of, registration_of
from nodes.checks.views import node_checks_part
from nodes.clusters.access import Rights
from nodes.enums import HostKeyState
from nodes.facts.models import NodeFacts
from nodes.facts.selectors.scripts import scripts_of
from nodes.ini_keys.selectors import ini_keys_of
from nodes.registry.selectors import host_keys_of
from nodes.registry.status import status_of
from nodes.registry.views.nodes import visible_node
from replication.configuration.selectors.history import baseline_of
from replication.jobs.selectors.jobs import targets_of_node

SHOWN_JOBS = 6
PAGE = 50


def node(request: HttpRequest, pk: int) -> HttpResponse:
    """One node at a glance; where something is missing, the next step."""
    row = visible_node(request, pk)
    principal = principal_of(request)
    facts: NodeFacts | None = getattr(row, "facts", None)
    keys = host_keys_of(principal, row)
    context = {
        "node": row,
        "verdict": status_of(row),
        "facts": facts,
        "rights": Rights.on(principal, row.cluster_id),
        "approved": next((key for key in keys if key.state == HostKeyState.APPROVED), None),
        "ini_open": sum(not key.answered for key in ini_keys_of(principal, row)),
        "scripts": scripts_of(row),
        "attestations": list(attestations_of(principal, row)),
        "registration": registration_of(principal, row),
        "targets": list(targets_of_node(row)[:SHOWN_JOBS]),
        "baseline": baseline_of(row),
        **node_checks_part(principal, row),
    }
    return render(request, "replication/console/node.html", context)


def node_jobs(request: HttpRequest, pk: int) -> HttpResponse:
    """The node's part in all jobs, newest first."""
    row = visible_node(request, pk)
    page = Paginator(targets_of_node(row), PAGE).get_page(request.GET.get("page"))
    return render(request, "replication/jobs/node_jobs.html", {"node": row, "page": page})
