"""Where servers' files say the places of shared folders."""

from __future__ import annotations

from nodes.clusters.models import Cluster
from nodes.shares.models import FolderKey


def folder_keys_of(cluster: Cluster) -> tuple[FolderKey, ...]:
    """The keys that people confirmed, by folder."""
    return tuple(FolderKey.objects.filter(cluster=cluster))
