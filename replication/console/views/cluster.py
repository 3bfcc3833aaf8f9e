"""A cluster's page: its nodes, its jobs, what is unsorted, what was overwritten, who may do what."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.requests import principal_of
from nodes.checks.views import checks_part
from nodes.clusters.access import Rights
from nodes.clusters.forms import MemberForm, PathClassForm
from nodes.clusters.models import Cluster
from nodes.clusters.selectors import members_of, path_overrides_of
from nodes.clusters.views import visible_cluster
from nodes.credentials.selectors import credentials_for
from nodes.enums import Clustering
from nodes.registry.models import Node
from nodes.registry.selectors import nodes_for
from nodes.registry.status import worst_of
from nodes.web.forms import ReasonForm
from nodes.web.status import Status
from replication.clustering.selectors.clustering import clustering_of
from replication.configuration.models import Snapshot
from replication.configuration.selectors.history import Findings, findings_of, open_conflicts, snapshots_of
from replication.jobs.selectors.jobs import visible_jobs
from replication.jobs.selectors.plans import Unreadable
from replication.membership.selectors.servers import sorted_servers
from replication.watch.views import watch_part

log = logging.getLogger(__name__)

SHOWN = 10
SHOWN_PATHS = 100


def cluster(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about one cluster."""
    row = visible_cluster(request, pk)
    principal = principal_of(request)
    nodes = list(nodes_for(principal).filter(cluster=row))
    snapshots = list(snapshots_of(row)[:SHOWN])
    findings, findings_trouble = _findings(snapshots)
    conflicts = list(open_conflicts(row)[: SHOWN_PATHS + 1])
    context = {
        "cluster": row,
        "rights": Rights.on(principal, pk),
        "nodes": nodes,
        "servers": sorted_servers(nodes),
        "verdict": _verdict(row, nodes),
        "clustering": clustering_of(principal, row),
        "jobs": list(visible_jobs(principal).filter(cluster=row)[:SHOWN]),
        "snapshots": snapshots,
        "unclassified": findings.unclassified[:SHOWN_PATHS],
        "unclassified_more": max(0, len(findings.unclassified) - SHOWN_PATHS),
        "findings_trouble": findings_trouble,
        "problems": findings.problems[:SHOWN_PATHS],
        "conflicts": conflicts[:SHOWN_PATHS],
        "conflicts_more": len(conflicts) > SHOWN_PATHS,
        "overrides": list(path_overrides_of(principal, pk)),
        "members": list(members_of(principal, pk)),
        "credentials": list(credentials_for(principal).filter(cluster=row)),
        **watch_part(principal, pk),
        **checks_part(principal, row),
        "path_form": PathClassForm(auto_id="path-%s"),
        "member_form": MemberForm(auto_id="member-%s"),
        "pause_form": ReasonForm(auto_id="pause-%s"),
    }
    return render(request, "replication/cluster.html", context)


def _verdict(row: Cluster, nodes: list[Node]) -> Status:
    if row.paused:
        return Status("paused", "Paused", row.paused_reason)
    return Status("off", "Clustering disabled") if row.clustering == Clustering.OFF else worst_of(nodes)


def _findings(snapshots: list[Snapshot]) -> tuple[Findings, str]:
    """What the newest snapshot's scan found, or why that cannot be said; the page does not break over it."""
    try:
        return findings_of(snapshots[0] if snapshots else None), ""
    except Unreadable as error:
        log.warning("%s", error)
        return Findings(), "What the last scan found cannot be read. Plan again to have it anew."
