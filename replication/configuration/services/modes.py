"""Who replicates a cluster, and what that refuses: where MDaemon's own cluster service does, the portal writes nothing;
the portal does only while that service is off on every node, by its log or by a person's word."""

from __future__ import annotations

from accounts.errors import Refused
from nodes.checks.core.service import OFF, ON, service_word
from nodes.checks.selectors.readings import service_readings
from nodes.clusters.models import Cluster
from nodes.enums import Clustering, ReplicationMode


def check_portal_may_replicate(cluster: Cluster, *, dry_run: bool = False) -> None:
    """Raise Refused where the portal must not replicate this cluster's configuration now. A dry run writes nothing, so
    only the mode, or that clustering is disabled, stands against it."""
    if cluster.replication_mode != ReplicationMode.PORTAL:
        text = (
            "MDaemon's own cluster service replicates this cluster (mode native); the portal never writes replicated "
            "files there."
        )
        raise Refused("native_mode", text, "Make a cluster of the mode portal to replicate by the portal.")
    if cluster.clustering == Clustering.OFF:
        raise Refused("clustering_off", "Clustering of this cluster is disabled: enable it to replicate again.")
    if not dry_run:
        _check_services(cluster)


def _check_services(cluster: Cluster) -> None:
    words = {node.name: service_word(node) for node in service_readings(cluster)}
    running = [f"{name}: {evidence}" for name, (word, evidence) in words.items() if word == ON]
    if running:
        text = f"The nodes' own cluster service must be off while the portal replicates. {' '.join(running)}"
        raise Refused("cluster_service_on", text, "Switch it off there and attest it.")
    unsaid = [name for name, (word, _) in words.items() if word != OFF]
    if unsaid:
        text = f"Nobody attested that the cluster service of {', '.join(unsaid)} is off."
        remedy = "Look at Setup | Cluster Service there and attest it."
        raise Refused("cluster_service_unattested", text, remedy)
