"""What lists can be narrowed by."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from accounts.filters import IdFilter
from replication.jobs.core.states import JOB_ACTIVE
from replication.jobs.models import JOB_STATES, Job


class JobFilter(django_filters.FilterSet):
    """Jobs by cluster, kind, one or several states, whether they have ended, and dry run."""

    cluster = IdFilter("cluster_id")
    state = django_filters.MultipleChoiceFilter(choices=JOB_STATES)
    active = django_filters.BooleanFilter(method="by_activity", label="not ended")

    class Meta:
        model = Job
        fields = ["cluster", "kind", "state", "active", "dry_run"]

    def by_activity(self, rows: QuerySet[Job], name: str, value: bool) -> QuerySet[Job]:
        """Jobs that have not ended, or those that have."""
        return rows.filter(state__in=JOB_ACTIVE) if value else rows.exclude(state__in=JOB_ACTIVE)
