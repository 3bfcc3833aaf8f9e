"""Stock admin for superusers: to look, not to change. Rows are changed by the services alone; secrets have no field
here and are not even loaded."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from nodes.clusters.models import Cluster, Membership, PathOverride
from nodes.credentials.models import Credential
from nodes.facts.models import NodeFacts
from nodes.ini_keys.models import IniDecision
from nodes.registry.models import HostKey, Node
from nodes.web.admin import LookOnly


@admin.register(Cluster)
class ClusterAdmin(LookOnly):
    """Clusters."""

    list_display = ["name", "replication_mode", "profile", "approval", "paused"]
    search_fields = ["name"]


@admin.register(Membership)
class MembershipAdmin(LookOnly):
    """Who may do what."""

    list_display = ["user", "cluster", "role"]
    list_select_related = ["user", "cluster"]
    list_filter = ["role", "cluster"]


@admin.register(PathOverride)
class PathOverrideAdmin(LookOnly):
    """Path classes set by hand."""

    list_display = ["pattern", "cluster", "path_class", "created_by"]
    list_select_related = ["cluster"]


@admin.register(Credential)
class CredentialAdmin(LookOnly):
    """Credentials without their secrets."""

    list_display = ["name", "cluster", "username", "kind", "fingerprint"]
    list_select_related = ["cluster"]
    exclude = ["secret", "passphrase"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without opening what is sealed."""
        return super().get_queryset(request).defer("secret", "passphrase")


@admin.register(Node)
class NodeAdmin(LookOnly):
    """Nodes."""

    list_display = ["name", "cluster", "address", "port", "platform", "role", "health", "paused"]
    list_select_related = ["cluster"]
    list_filter = ["health", "platform", "role", "cluster"]
    search_fields = ["name", "address"]


@admin.register(HostKey)
class HostKeyAdmin(LookOnly):
    """Host keys."""

    list_display = ["fingerprint", "node", "state", "decided_by", "decided_at"]
    list_select_related = ["node"]


@admin.register(NodeFacts)
class NodeFactsAdmin(LookOnly):
    """Facts."""

    list_display = ["node", "read_at", "product_version", "system"]
    list_select_related = ["node"]


@admin.register(IniDecision)
class IniDecisionAdmin(LookOnly):
    """Ini keys."""

    list_display = ["node", "path", "section", "key", "choice", "answered"]
    list_select_related = ["node"]
