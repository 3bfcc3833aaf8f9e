"""A cluster, who may do what on it, and how it departs from the product profile."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from accounts.models import Role
from nodes.enums import ApprovalPolicy, Clustering, ReplicationMode


class Cluster(models.Model):
    """Servers that share one configuration. `paused` stops all its jobs from starting and changing nodes; a new cluster
    is paused until a person resumes it, which enables clustering. A pause does not disable it."""

    name = models.CharField(max_length=63, unique=True)
    description = models.CharField(max_length=200, blank=True)
    profile = models.CharField(max_length=63, default="mdaemon", help_text="product profile")
    replication_mode = models.CharField(max_length=10, choices=ReplicationMode)
    approval = models.CharField(max_length=10, choices=ApprovalPolicy, default=ApprovalPolicy.FIRST)
    paused = models.BooleanField(default=True)
    paused_reason = models.CharField(max_length=200, blank=True)
    clustering = models.CharField(max_length=10, choices=Clustering, default=Clustering.NEW)
    clustering_by = models.CharField(max_length=150, blank=True, help_text="who enabled or disabled it")
    clustering_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=1, help_text="counts changes; basis of the ETag")

    class Meta:
        ordering = ["name"]

    @property
    def acts_as_one(self) -> bool:
        """Whether clustering is enabled; it still is while it is being disabled."""
        return self.clustering in (Clustering.ON, Clustering.ENDING)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's role on one cluster."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "cluster"], name="one_role_per_user_and_cluster")]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.cluster}"


class PathOverride(models.Model):
    """An operator's word on which class a path pattern has; stronger than the profile."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="path_overrides")
    pattern = models.CharField(max_length=400, help_text="relative path with * ? and **, case-insensitive")
    path_class = models.CharField(max_length=12)
    note = models.CharField(max_length=200, blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pattern"]
        constraints = [models.UniqueConstraint(fields=["cluster", "pattern"], name="one_class_per_pattern")]

    def __str__(self) -> str:
        return f"{self.pattern} is {self.path_class}"
