"""Whether a cluster's clustering is enabled, and letting it go. Enabling and disabling are people's acts; that it is
off is written with the proof that the features which it had switched off were given back."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.audit import Subject, record
from accounts.errors import Refused
from accounts.models import Role
from accounts.principals import Principal
from nodes.checks.services.checks import run_checks
from nodes.cluster_log import services as cluster_log_services
from nodes.cluster_log.services import Entry
from nodes.clusters.access import require, take_cluster
from nodes.clusters.models import Cluster
from nodes.enums import Clustering, LogLevel, ReplicationMode
from nodes.rows import put


@transaction.atomic
def enable(principal: Principal, *, cluster_id: int) -> Cluster:
    """Let the cluster's servers act as one. Needs an operator; where an administrator disabled it, an administrator. A
    new cluster, which is paused, is let go by it; doing it while clustering is being disabled calls that off. Enabled
    already is fine."""
    cluster = take_cluster(principal, cluster_id, Role.OPERATOR)
    if cluster.clustering == Clustering.ON:
        return cluster
    if cluster.clustering != Clustering.NEW:
        require(principal, cluster_id, Role.ADMINISTRATOR)
    values = {"paused": False, "paused_reason": ""} if cluster.clustering == Clustering.NEW else {}
    _become(cluster, Clustering.ON, principal.name, values)
    text = f"Enabled clustering of {cluster.name}."
    record(principal, "cluster.enable", text, cluster=cluster, subject=Subject.of(cluster))
    cluster_log_services.write(
        cluster.pk, [Entry(cluster_log_services.CLUSTERING_ON, "Clustering enabled", LogLevel.INFO)]
    )
    run_checks(cluster.pk)
    return cluster


@transaction.atomic
def resume_cluster(principal: Principal, *, cluster_id: int) -> Cluster:
    """Let the cluster's jobs run again; of a new cluster, enable clustering. Needs an operator."""
    cluster = take_cluster(principal, cluster_id, Role.OPERATOR)
    if cluster.clustering == Clustering.NEW:
        return enable(principal, cluster_id=cluster_id)
    if put(cluster, {"paused": False, "paused_reason": ""}):
        text = f"Resumed cluster {cluster.name}."
        record(principal, "cluster.resume", text, cluster=cluster, subject=Subject.of(cluster))
    return cluster


@transaction.atomic
def confirm_disabling(principal: Principal, *, cluster_id: int, confirm_name: str) -> Cluster:
    """Have clustering disabled. Needs the cluster's administrator, who typed its name. It goes on until the features
    are given back. Being disabled, or disabled, already is fine. Raises ValidationError for another name, and Refused
    where MDaemon's own service replicates or clustering was never enabled."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR)
    if confirm_name.strip() != cluster.name:
        text = f"This is not the cluster's name. Type {cluster.name} to confirm."
        raise ValidationError({"confirm_name": ValidationError(text, code="mismatch")})
    if cluster.replication_mode == ReplicationMode.NATIVE:
        text = "MDaemon's own cluster service replicates here: disable it on the servers, in MDaemon."
        raise Refused("native_mode", text)
    if cluster.clustering == Clustering.NEW:
        raise Refused("never_enabled", "Clustering was never enabled here: there is nothing to disable.")
    if cluster.clustering == Clustering.ON:
        _become(cluster, Clustering.ENDING, principal.name)
        text = f"Confirmed that clustering of {cluster.name} is disabled and its features are given back."
        record(principal, "cluster.disable", text, cluster=cluster, subject=Subject.of(cluster))
    return cluster


@transaction.atomic
def note_disabled(cluster_id: int) -> None:
    """The features were given back, as was proven: where somebody disables clustering, it is off from now on."""
    rows = Cluster.objects.select_for_update().filter(pk=cluster_id, clustering=Clustering.ENDING)
    for cluster in rows:
        _become(cluster, Clustering.OFF, cluster.clustering_by)
        text = "Clustering disabled: nothing is replicated any more"
        cluster_log_services.write(cluster.pk, [Entry(cluster_log_services.CLUSTERING_OFF, text, LogLevel.INFO)])
        run_checks(cluster.pk)


def _become(cluster: Cluster, state: Clustering, by: str, values: dict[str, object] | None = None) -> None:
    put(cluster, {**(values or {}), "clustering": state, "clustering_by": by, "clustering_since": timezone.now()})
