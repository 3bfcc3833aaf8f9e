"""Stock admin for superusers: to look, not to change. Rows are changed by the services alone; secrets have no field
here and are not even loaded."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.models import User
from nodes.models.cluster import Cluster, Membership, PathOverride
from nodes.models.credential import Credential
from nodes.models.node import (
    HostKey,
    IniDecision,
    Node,
    NodeFacts,
)


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # not a generic at run time
    """Rows can be read and searched by superusers."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Superusers."""
        return isinstance(request.user, User) and request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Superusers."""
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False


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
