"""What the primary looked like, what was last proven on each node, and what was lost to an overwrite.

Content lives in the object store; rows hold tree ids only, never a row a file.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models

from nodes.clusters.models import Cluster
from nodes.registry.models import Node
from replication.jobs.models import Job

RESTORED = "restored"
"""In a conflict's detail: the portal was restored from a backup after the node's last proof."""


@dataclass(frozen=True, slots=True)
class NodeTree:
    """A node's files by what is in the store: a tree, and what is other than in it ("": nothing)."""

    root: str
    changes_object: str = ""


class Snapshot(models.Model):
    """The primary's whole configuration at one moment. `root` is a tree in the object store."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="snapshots")
    node = models.ForeignKey(Node, null=True, on_delete=models.SET_NULL, related_name="snapshots")
    parent = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="children")
    root = models.CharField(max_length=64)
    taken_at = models.DateTimeField(auto_now_add=True)
    files = models.PositiveIntegerField()
    bytes = models.BigIntegerField()
    stale = models.PositiveIntegerField(default=0)
    findings_object = models.CharField(max_length=64, blank=True, help_text="problems and unclassified paths")
    problem_count = models.PositiveIntegerField(default=0)
    unclassified_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"snapshot {self.pk} of {self.cluster}"


class Origin(models.Model):
    """What a node's configuration was before the portal first wrote to it, so that leaving can give it back."""

    node = models.OneToOneField(Node, on_delete=models.CASCADE, related_name="origin")
    root = models.CharField(max_length=64)
    folders_object = models.CharField(
        max_length=64, blank=True, help_text="the folders that were there, in the store; empty: not known"
    )
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    taken_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"origin of {self.node}"


class Baseline(models.Model):
    """What was last proven on a node: its own tree (rendered files, its own times), with the few files that are other
    than in it, and the snapshot behind it. Where not all of the snapshot could be proven, `held_root` is the tree of
    the primary's files that are."""

    node = models.OneToOneField(Node, on_delete=models.CASCADE, related_name="baseline")
    snapshot = models.ForeignKey(Snapshot, null=True, on_delete=models.SET_NULL, related_name="baselines")
    root = models.CharField(max_length=64)
    changes_object = models.CharField(
        max_length=64, blank=True, help_text="files that are other than in the tree, in the store; empty: none"
    )
    held_root = models.CharField(max_length=64, blank=True, help_text="empty: all of the snapshot")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    proven_at = models.DateTimeField()
    files = models.PositiveIntegerField(default=0)

    @property
    def tree(self) -> NodeTree:
        """What was proven."""
        return NodeTree(self.root, self.changes_object)

    @property
    def held(self) -> str:
        """The tree of the primary's files that are proven; "" where that is not known any more."""
        return self.held_root or (self.snapshot.root if self.snapshot else "")

    def __str__(self) -> str:
        return f"baseline of {self.node}"


class Conflict(models.Model):
    """An edit made on a secondary that replication overwrote; its content is kept in the object store."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="conflicts")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="conflicts")
    path = models.CharField(max_length=4096)
    content = models.CharField(max_length=64, blank=True, help_text="object id; empty where a file had been deleted")
    size = models.BigIntegerField(default=0)
    secret = models.BooleanField(default=False, help_text="never shown")
    detail = models.JSONField(default=dict, blank=True, help_text="per key for ini files")
    found_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, blank=True)

    @property
    def may_be_given(self) -> bool:
        """Whether it may be no edit, but what replication gave after the backup that the portal was restored from."""
        return bool(self.detail.get(RESTORED))

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["job", "node", "path", "content"], name="one_conflict_per_job_and_content")
        ]

    def __str__(self) -> str:
        return f"{self.path} on {self.node}"
