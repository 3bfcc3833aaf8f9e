"""What every page of the console shows beside itself: the clusters, each with how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from accounts.requests import principal_of
from nodes.clusters.access import visible_clusters
from nodes.clusters.models import Cluster
from nodes.registry.core.verdict import Verdict
from nodes.registry.selectors import with_standing
from nodes.registry.status import status_of_cluster

SHOWN = 12
"""Clusters listed; further ones are behind the link to all."""


@dataclass(frozen=True, slots=True)
class ClusterSeen:
    """A cluster and how it stands."""

    cluster: Cluster
    verdict: Verdict


def clusters_seen(request: HttpRequest) -> list[ClusterSeen]:
    """The clusters the caller may see, by name, in two queries for any number; none for the anonymous."""
    if not isinstance(getattr(request, "user", None), User):
        return []
    rows = with_standing(visible_clusters(principal_of(request)))
    return [ClusterSeen(row, status_of_cluster(row, row.nodes.all())) for row in rows]


def listed(seen: Sequence[ClusterSeen], current: int | None) -> list[ClusterSeen]:
    """The first few, and the current one wherever it stands."""
    first = list(seen[:SHOWN])
    return first + [one for one in seen[SHOWN:] if one.cluster.pk == current]


def sidebar(request: HttpRequest) -> dict[str, object]:
    """`clusters_seen`, asked of the database only where a page shows it."""
    return {"clusters_seen": SimpleLazyObject(lambda: clusters_seen(request))}
