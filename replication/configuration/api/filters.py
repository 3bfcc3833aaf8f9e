"""Filters of snapshots and conflicts."""

from __future__ import annotations

import django_filters

from accounts.filters import IdFilter
from replication.configuration.models import Conflict, Snapshot


class SnapshotFilter(django_filters.FilterSet):
    """Snapshots by cluster."""

    cluster = IdFilter("cluster_id")

    class Meta:
        model = Snapshot
        fields = ["cluster"]


class ConflictFilter(django_filters.FilterSet):
    """Conflicts by cluster, node, job, and whether somebody has dealt with them."""

    cluster = IdFilter("node__cluster_id")
    node = IdFilter("node_id")
    job = IdFilter("job_id")
    open = django_filters.BooleanFilter(field_name="closed_at", lookup_expr="isnull")

    class Meta:
        model = Conflict
        fields = ["cluster", "node", "job", "open"]
