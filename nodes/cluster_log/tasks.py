"""What workers do to keep the cluster logs within bounds."""

from __future__ import annotations

from celery import shared_task

from nodes.cluster_log import services as cluster_log_services


@shared_task(name="nodes.tasks.prune_cluster_logs")
def prune_cluster_logs() -> None:
    """Keep the cluster logs bounded."""
    cluster_log_services.prune()
