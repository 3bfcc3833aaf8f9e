"""The features that do not go with clustering: where their switches are, and how they stood before."""

from __future__ import annotations

from django.db import models

from nodes.clusters.models import Cluster
from nodes.facts.core import FeatureSetting
from nodes.fields import SealedField
from nodes.registry.models import Node


class FeatureKey(models.Model):
    """Where an operator found the switch of a feature on a cluster's servers. `section` "*": every section of the file.
    `off`: the value that switches it off."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="feature_keys")
    feature = models.CharField(max_length=40)
    path = models.CharField(max_length=400)
    section = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    off = models.CharField(max_length=100)
    by = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        ordering = ["feature"]
        constraints = [models.UniqueConstraint(fields=["cluster", "feature"], name="one_key_per_feature")]

    def __str__(self) -> str:
        return f"{self.feature}: [{self.section}] {self.key} of {self.path}"


class FeatureMemory(models.Model):
    """The value a switch had before the portal switched its feature off, and the value that it was given (`off`);
    `restored_at` says it was given back."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="feature_memories")
    feature = models.CharField(max_length=40)
    path = models.CharField(max_length=400)
    section = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    value = SealedField(null=True, help_text="until it was given back")
    off = models.CharField(max_length=100)
    switched_at = models.DateTimeField()
    job_number = models.BigIntegerField()
    restored_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"[{self.section}] {self.key} of {self.path} on {self.node}"

    @property
    def shown(self) -> str:
        """What is given back; masked where it looks like a secret."""
        value = self.value.reveal() if self.value else ""
        return FeatureSetting(self.feature, self.path, self.section, self.key, self.off, value).shown.value or ""


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
