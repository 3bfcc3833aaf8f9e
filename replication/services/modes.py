"""Who replicates a cluster, and what that refuses: where MDaemon's own cluster service does, the portal writes nothing;
the portal does only while that service is off on every node, by its log or by a person's word."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.enums import Clustering, ReplicationMode
from nodes.health.service import OFF, ON, service_word
from nodes.models import Cluster, Node
from nodes.selectors.readings import node_reading


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a cluster's mode does not allow something. `code` is stable, `text` names the remedy."""

    code: str
    text: str


def portal_refusal(cluster: Cluster, *, dry_run: bool = False) -> Refusal | None:
    """Why the portal must not replicate this cluster's configuration now; None where it may. A dry run writes nothing,
    so only the mode, or that clustering is disabled, stands against it."""
    if cluster.replication_mode != ReplicationMode.PORTAL:
        text = (
            "MDaemon's own cluster service replicates this cluster (mode native); the portal never writes replicated "
            "files there. Make a cluster of the mode portal to replicate by the portal."
        )
        return Refusal("native_mode", text)
    if cluster.clustering == Clustering.OFF:
        return Refusal("clustering_off", "Clustering of this cluster is disabled: enable it to replicate again.")
    return None if dry_run else _service_refusal(cluster)


def _service_refusal(cluster: Cluster) -> Refusal | None:
    nodes = Node.objects.filter(cluster=cluster).select_related("facts", "credential").prefetch_related("attestations")
    words = {node.name: service_word(node_reading(node)) for node in nodes}
    running = [f"{name}: {evidence}" for name, (word, evidence) in words.items() if word == ON]
    if running:
        text = f"The nodes' own cluster service must be off while the portal replicates. {' '.join(running)}"
        return Refusal("cluster_service_on", f"{text} Switch it off there and attest it.")
    unsaid = [name for name, (word, _) in words.items() if word != OFF]
    if unsaid:
        text = f"Nobody attested that the cluster service of {', '.join(unsaid)} is off."
        return Refusal("cluster_service_unattested", f"{text} Look at Setup | Cluster Service there and attest it.")
    return None
