"""Shared paths as rows: what an operator set, where it stands in files, how nodes reach it, what tests found."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.clusters.models import Cluster
from nodes.enums import CellReason, CellState, KeySource, PathMode, SearchState
from nodes.fields import SealedField
from nodes.leases.models import Claimable
from nodes.platforms.unc import LONGEST
from nodes.registry.models import Node

MAX_UNC = LONGEST


class SharedPaths(models.Model):
    """Where a cluster's nodes are to keep the folders that they share. `mode` "": nobody chose yet. `routing`: whether
    multi-node mail routing shall be on, with the queues in `queues`."""

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="shared_paths")
    mode = models.CharField(max_length=10, choices=PathMode, blank=True)
    common = models.CharField(max_length=MAX_UNC, blank=True, help_text="the one share, where all folders lie in one")
    routing = models.BooleanField(default=False)
    queues = models.CharField(max_length=MAX_UNC, blank=True)
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1, help_text="counts changes; basis of the ETag")

    def __str__(self) -> str:
        return f"shared paths of {self.cluster}"


class SharedFolder(models.Model):
    """One folder's own path, where each is set by itself. `role` is the profile's word for the folder."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="shared_folders")
    role = models.CharField(max_length=40)
    path = models.CharField(max_length=MAX_UNC)

    class Meta:
        ordering = ["role"]
        constraints = [models.UniqueConstraint(fields=["cluster", "role"], name="one_path_per_shared_folder")]

    def __str__(self) -> str:
        return f"{self.role}: {self.path}"


class FolderKey(models.Model):
    """Where the servers' files say a folder's place, confirmed by a person: `role` is a folder's, or `routing` for the
    switch of multi-node mail routing, which has the values `on` and `off`. A folder may stand in several places: the
    mail folders stand in the new-account template, too. `below`: where in the folder the value leads, with `/`, "" for
    the folder itself. `evidence`: the line as it was shown."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="folder_keys")
    role = models.CharField(max_length=40)
    path = models.CharField(max_length=400, help_text="the file, relative to the installation folder")
    section = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    folded = models.CharField(max_length=820, help_text="path, section and key case-folded, tab separated")
    below = models.CharField(max_length=400, blank=True)
    on = models.CharField(max_length=100, blank=True)
    off = models.CharField(max_length=100, blank=True)
    source = models.CharField(max_length=12, choices=KeySource)
    evidence = models.CharField(max_length=600, blank=True)
    by = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        ordering = ["role", "path", "section", "key"]
        constraints = [models.UniqueConstraint(fields=["cluster", "folded"], name="one_folder_per_key")]

    def __str__(self) -> str:
        return f"{self.role}: [{self.section}] {self.key} of {self.path}"


class KeySearch(Claimable):
    """The search of a cluster's primary for the keys of its shared folders. `typed`: places that people named, to be
    read beside. `found`: what the last one that came through found, as JSON, with values as people may see them; a new
    one leaves it until it is through itself. `beat_at`: when its worker renewed its claim last."""

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="key_search")
    state = models.CharField(max_length=10, choices=SearchState, default=SearchState.REQUESTED)
    total = models.PositiveIntegerField(default=0, help_text="files to be read, as far as that is known")
    done = models.PositiveIntegerField(default=0)
    typed = models.JSONField(default=list)
    requested_by = models.CharField(max_length=150)
    requested_at = models.DateTimeField()
    beat_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    found = SealedField(null=True)
    found_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"search for the keys of {self.cluster}"


class MountPoint(models.Model):
    r"""Where a node without UNC paths mounts a share. `share`: `\\server\share`, as `UncPath` writes it."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="mount_points")
    share = models.CharField(max_length=MAX_UNC)
    folder = models.CharField(max_length=400)

    class Meta:
        ordering = ["share"]
        constraints = [models.UniqueConstraint(fields=["node", "share"], name="one_mount_point_per_share")]

    def __str__(self) -> str:
        return f"{self.share} at {self.folder}"


class FileServerLogin(models.Model):
    """How the portal itself logs in to a file server, to test shares from where it runs."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="file_server_logins")
    server = models.CharField(max_length=255, help_text="case-folded")
    port = models.PositiveIntegerField(default=445)
    username = models.CharField(max_length=255)
    password = SealedField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["server"]
        constraints = [models.UniqueConstraint(fields=["cluster", "server"], name="one_login_per_file_server")]

    def __str__(self) -> str:
        return f"{self.username} on {self.server}"


class ShareCell(models.Model):
    """What the last test found of one folder from one node; `node` null: from the portal. `reason` is a word of
    `CellReason`, `text` the sentence for people. `steps`: seconds that each step took, by its name. `login`: as whom it
    was tried; `is_service_account`: whether that is who the services run as, null where that is not known. `volume`: on
    what the share lies on a system that mounts it, in that system's words, where another node saw what was written."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="share_cells")
    node = models.ForeignKey(Node, null=True, on_delete=models.CASCADE, related_name="share_cells")
    role = models.CharField(max_length=40)
    path = models.CharField(max_length=MAX_UNC)
    state = models.CharField(max_length=10, choices=CellState)
    reason = models.CharField(max_length=30, choices=CellReason, blank=True)
    text = models.CharField(max_length=600, blank=True)
    steps = models.JSONField(default=dict)
    latency_ms = models.FloatField(null=True)
    disk_free = models.BigIntegerField(null=True)
    disk_total = models.BigIntegerField(null=True)
    clock_offset = models.FloatField(null=True, help_text="seconds that the file server is ahead of the portal")
    login = models.CharField(max_length=255, blank=True)
    is_service_account = models.BooleanField(null=True)
    volume = models.CharField(max_length=620, blank=True)
    tested_at = models.DateTimeField()
    job_number = models.BigIntegerField()

    class Meta:
        ordering = ["role"]
        constraints = [
            models.UniqueConstraint(fields=["node", "role"], name="one_cell_per_node_and_folder"),
            models.UniqueConstraint(
                fields=["cluster", "role"], condition=Q(node=None), name="one_cell_of_the_portal_per_folder"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} from {self.node or 'the portal'}: {self.state}"


class FormerValue(models.Model):
    """What a key held before the portal wrote a shared path there (`wrote`); `restored_at` says it was given back. The
    file is one for the whole cluster, and whoever is the primary gives it back."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="former_values")
    role = models.CharField(max_length=40)
    path = models.CharField(max_length=400)
    section = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    value = SealedField(null=True, help_text="until it was given back")
    wrote = models.CharField(max_length=1000)
    applied_at = models.DateTimeField()
    job_number = models.BigIntegerField()
    restored_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"[{self.section}] {self.key} of {self.path}"
