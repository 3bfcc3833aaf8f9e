"""A cluster's configuration: what the watch sees, the primary's snapshots, what was found and overwritten."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.requests import principal_of
from nodes.clusters.access import Rights
from nodes.clusters.models import Cluster
from nodes.clusters.views import visible_cluster
from replication.configuration.models import Snapshot
from replication.configuration.selectors.history import Findings, findings_of, open_conflicts, snapshots_of
from replication.jobs.selectors.plans import Unreadable
from replication.watch.selectors.state import watch_state

log = logging.getLogger(__name__)

SHOWN = 10
SHOWN_PATHS = 100


def cluster_configuration(request: HttpRequest, pk: int) -> HttpResponse:
    """All of it, with the acts that look and replicate at once."""
    row = visible_cluster(request, pk)
    principal = principal_of(request)
    snapshots = list(snapshots_of(row)[:SHOWN])
    conflicts = list(open_conflicts(row)[: SHOWN_PATHS + 1])
    context = {
        "cluster": row,
        "rights": Rights.on(principal, pk),
        "watch": watch_state(principal, pk),
        "key": uuid.uuid4().hex,
        "snapshots": snapshots,
        "conflicts": conflicts[:SHOWN_PATHS],
        "conflicts_more": len(conflicts) > SHOWN_PATHS,
        **_found(snapshots[0] if snapshots else None),
    }
    return render(request, "replication/configuration/cluster.html", context)


def unsorted_part(cluster: Cluster) -> dict[str, Any]:
    """What the page that sorts unclassified files needs of the newest snapshot."""
    snapshot = snapshots_of(cluster).first()
    return {"snapshot": snapshot, **_found(snapshot)}


def _found(snapshot: Snapshot | None) -> dict[str, Any]:
    findings, trouble = _findings(snapshot)
    return {
        "unclassified": findings.unclassified[:SHOWN_PATHS],
        "unclassified_more": max(0, len(findings.unclassified) - SHOWN_PATHS),
        "problems": findings.problems[:SHOWN_PATHS],
        "findings_trouble": trouble,
    }


def _findings(snapshot: Snapshot | None) -> tuple[Findings, str]:
    """What the newest snapshot's scan found, or why that cannot be said; the page does not break over it."""
    try:
        return findings_of(snapshot), ""
    except Unreadable as error:
        log.warning("%s", error)
        return Findings(), "What the last scan found cannot be read. Plan again to have it anew."
