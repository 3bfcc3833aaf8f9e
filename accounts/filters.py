"""Filters that lists of all rooms share, and those of the audit log; the same in console and API.

What they are asked comes from an address, hence from anybody: each refuses what the database could not compare with.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django_filters.fields import IsoDateTimeField
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from accounts.models import AuditEvent

LARGEST_ID = 2**63 - 1
"""What a database holds as the id of a row."""
MAX_WORDS = 16
MAX_SEARCH = 200


def _few_words(text: str) -> None:
    if len(text.split()) > MAX_WORDS:
        raise ValidationError(f"Use at most {MAX_WORDS} words.", code="max_words")


@extend_schema_field(OpenApiTypes.STR)
class WordsFilter(django_filters.CharFilter):
    """Every word must be part of one of the columns. Each costs the database a comparison a row and column."""

    def __init__(self, *columns: str, label: str) -> None:
        super().__init__(label=label, max_length=MAX_SEARCH, validators=[_few_words])
        self.columns = columns

    def filter(self, qs: QuerySet[Any], value: str | None) -> QuerySet[Any]:
        """The rows that hold all words."""
        for word in (value or "").split():
            matches = Q()
            for column in self.columns:
                matches |= Q(**{f"{column}__icontains": word})
            qs = qs.filter(matches)
        return qs


@extend_schema_field(OpenApiTypes.INT64)
class IdFilter(django_filters.Filter):
    """The id of a row, within what a database holds."""

    field_class = forms.IntegerField

    def __init__(self, field_name: str, **kwargs: Any) -> None:
        super().__init__(field_name=field_name, min_value=1, max_value=LARGEST_ID, **kwargs)


class _MomentField(IsoDateTimeField):
    def clean(self, value: Any) -> datetime | None:
        """A moment that also exists in UTC: at the edge of time an offset leads beyond it."""
        moment: datetime | None = super().clean(value)
        try:
            return None if moment is None else moment.astimezone(UTC)
        except OverflowError:
            raise ValidationError("Use a moment between the years 1 and 9999.", code="invalid") from None


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentFilter(django_filters.IsoDateTimeFilter):
    """A moment in ISO 8601."""

    field_class = _MomentField


class EventFilter(django_filters.FilterSet):
    """By person, kind of act, object, cluster, time, and words."""

    q = WordsFilter("text", "object_label", "actor", label="Words")
    actor = django_filters.CharFilter(lookup_expr="iexact", label="Who")
    action = django_filters.CharFilter(lookup_expr="istartswith", label="Act (beginning)")
    cluster_id = IdFilter("cluster_id", label="Cluster id")
    object_kind = django_filters.CharFilter(lookup_expr="iexact", label="Kind of object")
    object_id = django_filters.CharFilter(label="Object id")
    since = MomentFilter(field_name="at", lookup_expr="gte", label="Since")
    until = MomentFilter(field_name="at", lookup_expr="lt", label="Before")

    class Meta:
        model = AuditEvent
        fields: list[str] = []
