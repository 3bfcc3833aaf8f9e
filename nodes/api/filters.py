"""What lists can be narrowed by."""

from __future__ import annotations

import django_filters
from django import forms
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from nodes.models.cluster import Cluster
from nodes.models.credential import Credential
from nodes.models.node import Node


@extend_schema_field(OpenApiTypes.INT64)
class IdFilter(django_filters.Filter):
    """The id of a row, within what a database holds."""

    field_class = forms.IntegerField

    def __init__(self, field_name: str) -> None:
        super().__init__(field_name=field_name, min_value=1, max_value=2**63 - 1)


class ClusterFilter(django_filters.FilterSet):
    """Clusters by part of the name, mode, profile and pause."""

    name = django_filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = Cluster
        fields = ["name", "replication_mode", "profile", "paused"]


class CredentialFilter(django_filters.FilterSet):
    """Credentials by cluster, part of the name, and kind."""

    cluster = IdFilter("cluster_id")
    name = django_filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = Credential
        fields = ["cluster", "name", "kind"]


class NodeFilter(django_filters.FilterSet):
    """Nodes by cluster, part of name or address, role, platform, health, pause and quarantine."""

    cluster = IdFilter("cluster_id")
    name = django_filters.CharFilter(lookup_expr="icontains")
    address = django_filters.CharFilter(lookup_expr="icontains")
    quarantined = django_filters.BooleanFilter(method="by_quarantine")

    class Meta:
        model = Node
        fields = ["cluster", "name", "address", "role", "platform", "health", "paused"]

    def by_quarantine(self, rows: QuerySet[Node], name: str, value: bool) -> QuerySet[Node]:
        """Nodes in quarantine, or those that are not."""
        return rows.exclude(quarantined_reason="") if value else rows.filter(quarantined_reason="")
