"""Where servers' files say the places of shared folders."""

from __future__ import annotations

from nodes.clusters.models import Cluster
from nodes.products.profile import FolderPath, Source
from nodes.shares.models import FolderKey


def folder_keys_of(cluster: Cluster) -> tuple[FolderKey, ...]:
    """The keys that people confirmed, by folder."""
    return tuple(FolderKey.objects.filter(cluster=cluster))


def confirmed_in(cluster: Cluster, path: str) -> tuple[FolderPath, ...]:
    """The keys of one file that hold a folder's own place, to be believed when that file is read: without places, which
    are what the file says. One query."""
    rows = FolderKey.objects.filter(cluster=cluster, below="")
    return tuple(
        FolderPath(row.role, "", "", "", row.section, row.key, Source.OPERATOR.value)
        for row in rows
        if row.path.casefold() == path.casefold()
    )
