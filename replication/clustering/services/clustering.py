"""Enabling and disabling clustering, and what follows for the features that do not go with it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F, OuterRef, Q, Subquery

from accounts.principals import SYSTEM, Principal
from nodes.clusters.models import Cluster
from nodes.enums import Clustering, ReplicationMode
from nodes.facts.models import FeatureKey
from nodes.leases.transactions import write_transaction
from nodes.lifecycle.services import clustering
from replication.clustering.core.features import OFF, RESTORE
from replication.clustering.feature_jobs import switching_jobs
from replication.clustering.services.features import (
    at_work,
    cancel_switching,
    request_switching,
    switch_off_where_needed,
)
from replication.jobs import wake
from replication.jobs.models import Job


@dataclass(frozen=True, slots=True)
class DisableRequest:
    """Clustering that shall be disabled; the cluster's name is typed."""

    cluster_id: int
    confirm_name: str = ""
    reason: str = ""


def enable(principal: Principal, cluster_id: int) -> Cluster:
    """Enable clustering, and have what does not go with it switched off where it is on. Operators; administrators where
    it was disabled. While it is being disabled this calls that off. Enabled already is fine. Raises Http404,
    PermissionDenied."""
    with write_transaction():
        cluster = clustering.enable(principal, cluster_id=cluster_id)
        cancel_switching(principal, cluster, RESTORE)
        switch_off_where_needed(principal, cluster)
        wake.watch()
    return cluster


def resume(principal: Principal, cluster_id: int) -> Cluster:
    """Let a cluster's jobs run again; of a new one, enable clustering. Operators. Raises Http404, PermissionDenied."""
    with write_transaction():
        if Cluster.objects.filter(pk=cluster_id, clustering=Clustering.NEW).exists():
            return enable(principal, cluster_id)
        cluster = clustering.resume_cluster(principal, cluster_id=cluster_id)
        wake.watch()
    return cluster


def disable(principal: Principal, request: DisableRequest) -> Job | None:
    """Have the features given back that clustering switched off, to the primary and then to its secondaries; once that
    is proven clustering is disabled and nothing is replicated any more. Answers the job that begins it, None where it
    is disabled already. Administrators.

    Raises Http404, PermissionDenied, ValidationError for another name, Refused.
    """
    with write_transaction():
        cluster = clustering.confirm_disabling(
            principal, cluster_id=request.cluster_id, confirm_name=request.confirm_name
        )
        if cluster.clustering == Clustering.OFF:
            return None
        cancel_switching(principal, cluster, OFF)
        reason = request.reason or "clustering is being disabled"
        return at_work(cluster, RESTORE) or request_switching(principal, cluster, RESTORE, reason)


def switch_off_what_was_missed() -> None:
    """Of clusters that were enabled, or whose switches were found, since anybody asked last: request in the portal's
    own name what enabling would. What a person cancelled is not asked for again."""
    asked = switching_jobs(OuterRef("pk"), OFF).order_by("-pk")
    found = FeatureKey.objects.filter(cluster=OuterRef("pk")).order_by("-at")
    rows = Cluster.objects.filter(clustering=Clustering.ON, replication_mode=ReplicationMode.PORTAL).annotate(
        asked=Subquery(asked.values("created_at")[:1]), found=Subquery(found.values("at")[:1])
    )
    missed = rows.filter(Q(asked=None) | Q(asked__lt=F("clustering_since")) | Q(asked__lt=F("found")))
    for cluster in missed:
        with write_transaction():
            switch_off_where_needed(SYSTEM, cluster)
