"""Filters of snapshots and conflicts."""

from __future__ import annotations

import django_filters

from replication.configuration.models import Conflict, Snapshot


class SnapshotFilter(django_filters.FilterSet):
    """Snapshots by cluster."""

    cluster = django_filters.NumberFilter(field_name="cluster_id")

    class Meta:
        model = Snapshot
        fields = ["cluster"]


class ConflictFilter(django_filters.FilterSet):
    """Conflicts by cluster, node, job, and whether somebody has dealt with them."""

    cluster = django_filters.NumberFilter(field_name="node__cluster_id")
    node = django_filters.NumberFilter(field_name="node_id")
    job = django_filters.NumberFilter(field_name="job_id")
    open = django_filters.BooleanFilter(field_name="closed_at", lookup_expr="isnull")

    class Meta:
        model = Conflict
        fields = ["cluster", "node", "job", "open"]
