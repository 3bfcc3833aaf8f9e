"""Snapshots, baselines and conflicts of a cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.principals import Principal
from nodes.clusters.access import visible_clusters
from nodes.clusters.models import Cluster
from nodes.registry.models import Node
from replication.configuration.models import Baseline, Conflict, Snapshot
from replication.files.core.manifest import Problem
from replication.jobs.selectors.plans import Unreadable
from replication.objects import StoreError, default_store


def snapshots_for(principal: Principal) -> QuerySet[Snapshot]:
    """The snapshots of the visible clusters, newest first."""
    return Snapshot.objects.filter(cluster__in=visible_clusters(principal)).select_related("cluster", "node")


def conflicts_for(principal: Principal) -> QuerySet[Conflict]:
    """The overwritten edits of the visible clusters, newest first."""
    return Conflict.objects.filter(node__cluster__in=visible_clusters(principal)).select_related("node")


def newest_snapshot(cluster_id: int) -> Snapshot | None:
    """The cluster's latest snapshot; None before the first."""
    return Snapshot.objects.filter(cluster=cluster_id).order_by("-pk").first()


def snapshots_of(cluster: Cluster) -> QuerySet[Snapshot]:
    """The cluster's history, newest first."""
    return Snapshot.objects.filter(cluster=cluster).select_related("node")


def open_conflicts(cluster: Cluster) -> QuerySet[Conflict]:
    """Edits made on secondaries that replication overwrote and nobody has looked at."""
    return Conflict.objects.filter(node__cluster=cluster, closed_at=None).select_related("node", "job")


def baseline_of(node: Node) -> Baseline | None:
    """What was last proven on the node; None if nothing ever was."""
    return Baseline.objects.filter(node=node).select_related("snapshot").first()


@dataclass(frozen=True, slots=True)
class Findings:
    """What a scan of the primary could not handle: problems by path, and paths nobody has sorted into a class."""

    problems: tuple[Problem, ...] = ()
    unclassified: tuple[str, ...] = ()


def findings_of(snapshot: Snapshot | None) -> Findings:
    """What the snapshot's scan found; nothing for no snapshot. Raises Unreadable."""
    if snapshot is None or not snapshot.findings_object:
        return Findings()
    try:
        document = json.loads(default_store().get(snapshot.findings_object))
        return Findings(
            problems=tuple(Problem(*entry) for entry in document["problems"]),
            unclassified=tuple(document["unclassified"]),
        )
    except (StoreError, OSError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"The findings of snapshot {snapshot.pk} cannot be read: {error}") from error
