"""The features that do not go with clustering: where their switches are, and how they stood before."""

from __future__ import annotations

from django.db import models

from nodes.models.cluster import Cluster
from nodes.models.node import Node


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
    value = models.CharField(max_length=400)
    off = models.CharField(max_length=100)
    switched_at = models.DateTimeField()
    job_number = models.BigIntegerField()
    restored_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"[{self.section}] {self.key} of {self.path} on {self.node} was {self.value}"
