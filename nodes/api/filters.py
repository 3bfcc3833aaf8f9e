"""What lists can be narrowed by."""

from __future__ import annotations

import django_filters

from nodes.models import Cluster, Credential, IniDecision, Node


class ClusterFilter(django_filters.FilterSet):
    """Clusters by part of the name, mode and pause."""

    name = django_filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = Cluster
        fields = ["name", "replication_mode", "profile", "paused"]


class CredentialFilter(django_filters.FilterSet):
    """Credentials by cluster, part of the name, and kind."""

    cluster = django_filters.NumberFilter(field_name="cluster_id")
    name = django_filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = Credential
        fields = ["cluster", "name", "kind"]


class NodeFilter(django_filters.FilterSet):
    """Nodes by cluster, part of name or address, role, platform, health, pause and quarantine."""

    cluster = django_filters.NumberFilter(field_name="cluster_id")
    name = django_filters.CharFilter(lookup_expr="icontains")
    address = django_filters.CharFilter(lookup_expr="icontains")
    quarantined = django_filters.BooleanFilter(
        field_name="quarantined_reason", lookup_expr="gt", method="by_quarantine"
    )

    class Meta:
        model = Node
        fields = ["cluster", "name", "address", "role", "platform", "health", "paused", "quarantined"]

    def by_quarantine(self, rows: object, name: str, value: bool) -> object:
        """Nodes in quarantine, or those that are not."""
        return rows.exclude(quarantined_reason="") if value else rows.filter(quarantined_reason="")


class IniKeyFilter(django_filters.FilterSet):
    """Ini keys by file, choice, and whether somebody answered."""

    class Meta:
        model = IniDecision
        fields = ["path", "choice", "answered"]
