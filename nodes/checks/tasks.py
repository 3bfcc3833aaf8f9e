"""What workers do to judge clusters."""

from __future__ import annotations

from celery import shared_task

from nodes.checks.services.checks import run_checks
from nodes.clusters.models import Cluster


@shared_task(name="nodes.tasks.check_all")
def check_all() -> None:
    """Judge the checks of every cluster: what nobody reads anew gets old, too."""
    for cluster_id in Cluster.objects.values_list("pk", flat=True):
        run_checks(cluster_id)
