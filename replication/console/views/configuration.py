"""A cluster's configuration: what the watch sees, the primary's snapshots, what was found and overwritten."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.requests import principal_of
from nodes.checks.selectors.checks import open_paths
from nodes.clusters.access import Rights
from nodes.clusters.views import visible_cluster
from replication.configuration.selectors.history import open_conflicts, snapshots_of
from replication.configuration.views.unsorted import SHOWN_PATHS, found_part
from replication.watch.selectors.deep import last_deep
from replication.watch.selectors.state import watch_state

SHOWN = 10
"""Snapshots listed."""


def cluster_configuration(request: HttpRequest, pk: int) -> HttpResponse:
    """All of it, with the acts that look and replicate at once."""
    row = visible_cluster(request, pk)
    principal = principal_of(request)
    snapshots = list(snapshots_of(row)[:SHOWN])
    conflicts = list(open_conflicts(row)[: SHOWN_PATHS + 1])
    context = {
        "cluster": row,
        "rights": Rights.on(principal, pk),
        "path_checks": open_paths(row),
        "watch": watch_state(principal, pk),
        "verified": last_deep(row),
        "deep_hours": settings.PORTAL.deep,
        "key": uuid.uuid4().hex,
        "snapshots": snapshots,
        "conflicts": conflicts[:SHOWN_PATHS],
        "conflicts_more": len(conflicts) > SHOWN_PATHS,
        **found_part(snapshots[0] if snapshots else None),
    }
    return render(request, "replication/console/configuration.html", context)
