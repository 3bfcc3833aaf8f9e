"""A node's page: who it is, what it said of itself, which ini keys are its own, its part in jobs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.requests import principal_of
from nodes.checks.views import attested_part
from nodes.clusters.access import Rights
from nodes.enums import HostKeyState
from nodes.facts.models import NodeFacts
from nodes.facts.selectors.scripts import scripts_of
from nodes.ini_keys.selectors import ini_keys_of
from nodes.registry.forms import FingerprintForm
from nodes.registry.selectors import host_keys_of
from nodes.registry.views.nodes import visible_node
from nodes.web.forms import ReasonForm
from replication.configuration.selectors.history import baseline_of
from replication.jobs.selectors.jobs import targets_of_node

SHOWN_JOBS = 10


def node(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about one node."""
    row = visible_node(request, pk)
    principal = principal_of(request)
    keys = list(host_keys_of(principal, row))
    facts: NodeFacts | None = getattr(row, "facts", None)
    context = {
        "node": row,
        "facts": facts,
        "rights": Rights.on(principal, row.cluster_id),
        "host_keys": keys,
        "approved": next((key for key in keys if key.state == HostKeyState.APPROVED), None),
        "seen": [key for key in keys if key.state == HostKeyState.SEEN],
        "ini_keys": list(ini_keys_of(principal, row)),
        "scripts": scripts_of(row),
        "targets": list(targets_of_node(row)[:SHOWN_JOBS]),
        "baseline": baseline_of(row),
        "fingerprint_form": FingerprintForm(auto_id="given-%s"),
        **attested_part(principal, row),
        "pause_form": ReasonForm(auto_id="pause-%s"),
    }
    return render(request, "replication/node.html", context)
