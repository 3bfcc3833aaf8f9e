"""A cluster's overview: how its servers stand, what the watch sees, what does not pass, what was done lately. It only
shows; what can be set is under the settings."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.requests import principal_of
from nodes.checks.selectors.checks import open_paths
from nodes.checks.views import checks_part
from nodes.clusters.access import Rights
from nodes.clusters.views import visible_cluster
from nodes.enums import Clustering
from nodes.registry.selectors import nodes_for
from nodes.shares.selectors.servers import here, servers_of
from replication.clustering.selectors.clustering import clustering_of
from replication.configuration.selectors.history import open_conflicts, snapshots_of
from replication.jobs.selectors.jobs import visible_jobs
from replication.membership.selectors.servers import sorted_servers
from replication.watch.selectors.state import watch_state

SHOWN_JOBS = 6
STANDS_ALONE = (Clustering.ENDING, Clustering.OFF)


def cluster(request: HttpRequest, pk: int) -> HttpResponse:
    """One cluster at a glance; where something is missing, the next step."""
    row = visible_cluster(request, pk)
    principal = principal_of(request)
    nodes = list(nodes_for(principal).filter(cluster=row))
    context = {
        "cluster": row,
        "rights": Rights.on(principal, pk),
        "path_checks": open_paths(row),
        "nodes": nodes,
        "servers": sorted_servers(nodes),
        "file_servers": servers_of({row: here(nodes)}).get(pk, ()),
        "clustering": clustering_of(principal, row) if row.clustering in STANDS_ALONE else None,
        "watch": watch_state(principal, pk),
        "snapshot": snapshots_of(row).first(),
        "conflicts": open_conflicts(row).count(),
        "has_credential": bool(nodes) or row.credentials.exists(),
        "jobs": list(visible_jobs(principal).filter(cluster=row)[:SHOWN_JOBS]),
        **checks_part(principal, row, nodes),
    }
    return render(request, "replication/console/cluster.html", context)
