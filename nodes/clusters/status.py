"""A cluster's state in one word, for pages."""

from __future__ import annotations

from nodes.clusters.models import Cluster
from nodes.enums import Clustering, Health
from nodes.web.status import Status


def status_of_counts(cluster: Cluster) -> Status:
    """A cluster's verdict from the counts that `clusters_for` annotates."""
    counts = {
        name: getattr(cluster, f"{name}_count") for name in ("quarantined", "down", "degraded", "healthy", "node")
    }
    if cluster.paused:
        return Status("paused", "Paused", cluster.paused_reason)
    if cluster.clustering == Clustering.OFF:
        return Status("off", "Clustering disabled")
    for state in (Health.QUARANTINED, Health.DOWN, Health.DEGRADED):
        if counts[state.value]:
            return Status(state.value, f"{counts[state.value]} {state.label.lower()}")
    if not counts["node"]:
        return Status("unknown", "No nodes yet")
    unknown = counts["node"] - counts["healthy"]
    return Status("unknown", f"{unknown} not yet observed") if unknown else Status("ok", "Healthy")
