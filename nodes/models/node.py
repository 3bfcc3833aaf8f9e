"""A node, the host keys it showed, what was read from it, and which ini keys are its own."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from nodes.enums import Health, HostKeyState, IniChoice, Joining, NodeRole, PlatformName
from nodes.fields import SealedField
from nodes.models.cluster import Cluster
from nodes.models.credential import Credential


class Node(models.Model):
    """A mail server. `install_root` is its installation folder as its system spells it. `quarantined_reason`
    non-empty: nothing runs on it until its host key is approved again. `paused`: an operator said not now. `joining`:
    a secondary is written to only after somebody confirmed by name that it shall be."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="nodes")
    name = models.CharField(max_length=63, help_text="NetBIOS or DNS host name")
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
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["cluster", "name"], name="one_node_per_name"),
            models.UniqueConstraint(fields=["cluster", "address", "port"], name="one_node_per_address"),
            models.UniqueConstraint(
                fields=["cluster"], condition=Q(role=NodeRole.PRIMARY), name="one_primary_per_cluster"
            ),
        ]

    def __str__(self) -> str:
        return self.name


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


class NodeFacts(models.Model):
    """What the node last said of itself, each value "" or null where it could not be read; `errors` says why."""

    node = models.OneToOneField(Node, on_delete=models.CASCADE, related_name="facts")
    read_at = models.DateTimeField()
    measured_at = models.DateTimeField(null=True, help_text="when version and clock were last read")
    peer_address = models.CharField(max_length=45, blank=True, help_text="what its address stood for then")
    own_log = models.JSONField(
        default=dict, blank=True, help_text="the newest line of each code of the node's own cluster log"
    )
    switches = models.JSONField(
        default=list, blank=True, help_text="where the features stand that do not go with clustering"
    )
    system = models.CharField(max_length=200, blank=True)
    host_name = models.CharField(max_length=255, blank=True)
    product_version = models.CharField(max_length=60, blank=True)
    version_source = models.CharField(max_length=60, blank=True)
    time_zone = models.CharField(max_length=100, blank=True)
    clock_offset_ms = models.FloatField(null=True, help_text="node minus portal, round trip corrected")
    clock_uncertainty_ms = models.FloatField(null=True, help_text="half the least round trip")
    disk_free = models.BigIntegerField(null=True)
    disk_total = models.BigIntegerField(null=True)
    folders = models.JSONField(default=list, blank=True, help_text="effective folder paths with their evidence")
    reaches = models.JSONField(
        default=list, blank=True, help_text="the shared folders outside, and whether the node finds them"
    )
    services = models.JSONField(
        default=list, blank=True, help_text="the mail server's services, where they can be asked"
    )
    capabilities = models.JSONField(default=dict, blank=True)
    scripts = models.JSONField(
        null=True, blank=True, help_text="the portal's scripts on it; null where none are needed"
    )
    errors = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"facts of {self.node}"


class IniDecision(models.Model):
    """Whether one ini key of one node is its own or the primary's. Names compare case-insensitively (stored folded
    beside the spelling)."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="ini_decisions")
    path = models.CharField(max_length=400)
    section = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    folded = models.CharField(max_length=820, help_text="path, section and key case-folded, tab separated")
    choice = models.CharField(max_length=10, choices=IniChoice)
    answered = models.BooleanField(default=False, help_text="an operator decided; else kept because it differed")
    values = SealedField(null=True, help_text="the primary's and the node's value when last compared, as JSON")
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["path", "section", "key"]
        constraints = [models.UniqueConstraint(fields=["node", "folded"], name="one_decision_per_ini_key")]

    def __str__(self) -> str:
        return f"[{self.section}] {self.key}: {self.choice}"
