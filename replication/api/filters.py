"""What lists can be narrowed by."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from replication.core.states import JOB_ACTIVE
from replication.models.history import Conflict, Snapshot
from replication.models.job import JOB_STATES, Job


class JobFilter(django_filters.FilterSet):
    """Jobs by cluster, kind, one or several states, whether they have ended, and dry run."""

    cluster = django_filters.NumberFilter(field_name="cluster_id")
    state = django_filters.MultipleChoiceFilter(choices=JOB_STATES)
    active = django_filters.BooleanFilter(method="by_activity", label="not ended")

    class Meta:
        model = Job
        fields = ["cluster", "kind", "state", "active", "dry_run"]

    def by_activity(self, rows: QuerySet[Job], name: str, value: bool) -> QuerySet[Job]:
        """Jobs that have not ended, or those that have."""
        return rows.filter(state__in=JOB_ACTIVE) if value else rows.exclude(state__in=JOB_ACTIVE)


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
