"""What was remembered of keys that the portal wrote."""

from __future__ import annotations

from nodes.clusters.models import Cluster
from nodes.shares.models import FormerValue


def remembered(cluster: Cluster) -> tuple[FormerValue, ...]:
    """What keys held before shared paths were written, as far as it was not given back; oldest first. A key has a row
    for each value that it was given."""
    return tuple(FormerValue.objects.filter(cluster=cluster, restored_at=None))
