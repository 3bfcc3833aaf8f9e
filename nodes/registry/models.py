"""A node, the host keys it showed, what was read from it, and which ini keys are its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from nodes.clusters.models import Cluster
from nodes.credentials.models import Credential
from nodes.enums import Health, HostKeyState, Joining, NodeRole, PlatformName
from nodes.natural import natural_key


class Node(models.Model):
    """A mail server. `install_root` is its installation folder as its system spells it. `quarantined_reason`
    non-empty: nothing runs on it until its host key is approved again. `paused`: an operator said not now. `joining`:
    a secondary is written to only after somebody confirmed by name that it shall be. `nodes.registry.status` makes one
    verdict of all of it."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="nodes")
    name = models.CharField(max_length=63, help_text="NetBIOS or DNS host name")
    sort_key = models.CharField(max_length=200, editable=False, help_text="`name` as lists are ordered by it")
    address = models.CharField(max_length=253, help_text="NetBIOS name, IP address or DNS name to connect to")
    port = models.PositiveIntegerField(default=22, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    platform = models.CharField(max_length=10, choices=PlatformName)
    role = models.CharField(max_length=10, choices=NodeRole, default=NodeRole.SECONDARY)
    install_root = models.CharField(max_length=400)
    credential = models.ForeignKey(Credential, null=True, on_delete=models.PROTECT, related_name="nodes")
    joining = models.CharField(max_length=12, choices=Joining, default=Joining.REGISTERED)
    joining_by = models.CharField(max_length=150, blank=True, help_text="who confirmed joining or leaving last")
    joining_since = models.DateTimeField(null=True, help_text="when `joining` became what it is")
    paused = models.BooleanField(default=False)
    paused_reason = models.CharField(max_length=200, blank=True)
    quarantined_reason = models.CharField(max_length=300, blank=True)
    health = models.CharField(max_length=12, choices=Health, default=Health.UNKNOWN)
    health_cause = models.CharField(max_length=300, blank=True)
    health_since = models.DateTimeField(null=True)
    reached_at = models.DateTimeField(null=True, help_text="when it last answered")
    behind = models.PositiveIntegerField(default=0, help_text="files of the primary it was not proven to hold")
    behind_since = models.DateTimeField(null=True, help_text="when the oldest of them was first seen")
    edited = models.PositiveIntegerField(default=0, help_text="files changed on it by others than the portal")
    edited_since = models.DateTimeField(null=True)
    incomplete = models.CharField(max_length=300, blank=True, help_text="what its last replication could not handle")
    compared_at = models.DateTimeField(
        null=True, help_text="when both were last found out; empty: nothing was proven on it"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["sort_key", "name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["cluster", "name"], name="one_node_per_name"),
            models.UniqueConstraint(fields=["cluster", "address", "port"], name="one_node_per_address"),
            models.UniqueConstraint(
                fields=["cluster"], condition=Q(role=NodeRole.PRIMARY), name="one_primary_per_cluster"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *, update_fields: Iterable[str] | None = None, **how: Any) -> None:
        """Write the row, the name with what it is sorted by."""
        if update_fields is None or "name" in update_fields:
            self.sort_key = natural_key(self.name)
            update_fields = None if update_fields is None else {*update_fields, "sort_key"}
        super().save(update_fields=update_fields, **how)


class HostKey(models.Model):
    """A host key a node showed or an operator gave in advance. At most one approved a node."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="host_keys")
    key_type = models.CharField(max_length=40, blank=True)
    public_key = models.TextField(blank=True, help_text="base64; empty when only the fingerprint was given in advance")
    fingerprint = models.CharField(max_length=80, help_text="SHA256:...")
    state = models.CharField(max_length=10, choices=HostKeyState, default=HostKeyState.SEEN)
    first_seen_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-first_seen_at"]
        constraints = [
            models.UniqueConstraint(fields=["node", "fingerprint"], name="one_row_per_host_key"),
            models.UniqueConstraint(
                fields=["node"], condition=Q(state=HostKeyState.APPROVED), name="one_approved_host_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fingerprint} ({self.state})"
