"""Filters of the audit log, the same in console and API."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet

from accounts.models import AuditEvent


class EventFilter(django_filters.FilterSet):
    """By person, kind of act, object, cluster, time, and words."""

    q = django_filters.CharFilter(method="by_words", label="Words")
    actor = django_filters.CharFilter(lookup_expr="iexact", label="Who")
    action = django_filters.CharFilter(lookup_expr="istartswith", label="Act (beginning)")
    cluster_id = django_filters.NumberFilter(label="Cluster id")
    object_kind = django_filters.CharFilter(lookup_expr="iexact", label="Kind of object")
    object_id = django_filters.CharFilter(label="Object id")
    since = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte", label="Since")
    until = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt", label="Before")

    class Meta:
        model = AuditEvent
        fields: list[str] = []

    def by_words(self, rows: QuerySet[AuditEvent], name: str, value: str) -> QuerySet[AuditEvent]:
        """Every word must occur in the sentence, the object's label or the actor's name."""
        for word in value.split()[:8]:
            rows = rows.filter(Q(text__icontains=word) | Q(object_label__icontains=word) | Q(actor__icontains=word))
        return rows
