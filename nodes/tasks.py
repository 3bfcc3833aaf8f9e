"""The tasks of this app, where Celery looks for them; each is its package's."""

from nodes.checks.tasks import check_all
from nodes.cluster_log.tasks import prune_cluster_logs
from nodes.connection.tasks import reach
from nodes.discovery.tasks import search, sweep_searches
from nodes.facts.tasks import observe, observe_due
from nodes.queues.tasks import read_queues

__all__ = [
    "check_all",
    "observe",
    "observe_due",
    "prune_cluster_logs",
    "reach",
    "read_queues",
    "search",
    "sweep_searches",
]
