"""Lines of the cluster log, filtered."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from accounts.models import Role
from accounts.principals import Principal
from nodes.cluster_log.models import ClusterLogLine
from nodes.clusters.access import require


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What a cluster's log is narrowed by. `after`: only lines with a greater id."""

    after: int = 0
    levels: tuple[str, ...] = ()
    node: str = ""
    search: str = ""


def log_lines(principal: Principal, cluster_id: int, query: LogQuery) -> QuerySet[ClusterLogLine]:
    """The cluster's log in its order. Raises Http404 where the cluster is not visible."""
    require(principal, cluster_id, Role.VIEWER)
    rows = ClusterLogLine.objects.filter(cluster=cluster_id, pk__gt=query.after).order_by("pk")
    if query.levels:
        rows = rows.filter(level__in=query.levels)
    if query.node:
        rows = rows.filter(node_name__iexact=query.node)
    if query.search:
        rows = rows.filter(Q(text__icontains=query.search) | Q(code__icontains=query.search))
    return rows


def _newest(principal: Principal, pk: int, query: LogQuery, count: int) -> list[ClusterLogLine]:
    return list(reversed(log_lines(principal, pk, query).order_by("-pk")[:count]))
