"""What people set of a cluster's shared paths, as values."""

from __future__ import annotations

from collections.abc import Mapping

from accounts.errors import Refused
from nodes.clusters.models import Cluster
from nodes.clusters.selectors import plain_profile
from nodes.platforms.unc import UncPath
from nodes.products.errors import ProfileError
from nodes.products.profile import FolderRule
from nodes.registry.models import Node
from nodes.shares.core.layout import Layout, SharedPlace, effective
from nodes.shares.core.login import ShareLogin
from nodes.shares.models import FileServerLogin, MountPoint, SharedFolder, SharedPaths


def paths_row(cluster: Cluster) -> SharedPaths:
    """What was set of a cluster's shared paths; a row that is not saved yet where nothing was."""
    return SharedPaths.objects.filter(cluster=cluster).first() or SharedPaths(cluster=cluster)


def layout_of(cluster: Cluster) -> Layout:
    """The same as a value, with each folder's own path. Two queries."""
    return layout_from(paths_row(cluster), own_paths(cluster))


def own_paths(cluster: Cluster) -> dict[str, str]:
    """The paths that were given to single folders, by role, as they are kept."""
    return dict(SharedFolder.objects.filter(cluster=cluster).values_list("role", "path"))


def layout_from(row: SharedPaths, own: Mapping[str, str]) -> Layout:
    """Rows as a value. What they hold was checked when it was set."""
    return Layout(
        mode=row.mode,
        common=_path(row.common),
        own={role: UncPath.parse(path) for role, path in own.items()},
        queues=_path(row.queues),
        routing=row.routing,
    )


def _path(text: str) -> UncPath | None:
    return UncPath.parse(text) if text else None


def folder_rules(cluster: Cluster) -> tuple[FolderRule, ...]:
    """The folders that the cluster's profile names. Raises ProfileError."""
    return plain_profile(cluster).folders


def rules_of(cluster: Cluster) -> tuple[FolderRule, ...]:
    """The same for pages and programs. Raises Refused where the profile cannot be read."""
    try:
        return folder_rules(cluster)
    except ProfileError as error:
        raise Refused("profile_unreadable", f"The cluster's product profile cannot be read: {error}") from error


def places_of(cluster: Cluster) -> tuple[SharedPlace, ...]:
    """Where each shared folder of a cluster shall lie, as far as that was set; the queues while routing is on. Raises
    ProfileError."""
    return effective(layout_of(cluster), folder_rules(cluster))


def mounts_of(node: Node) -> Mapping[UncPath, str]:
    """Where a node mounts which share."""
    rows = MountPoint.objects.filter(node=node).values_list("share", "folder")
    return {UncPath.parse(share): folder for share, folder in rows}


def mounts_of_cluster(cluster: Cluster) -> Mapping[int, Mapping[UncPath, str]]:
    """The same of all nodes of a cluster, by node; those that mount nothing are not among them."""
    found: dict[int, dict[UncPath, str]] = {}
    rows = MountPoint.objects.filter(node__cluster=cluster).values_list("node", "share", "folder")
    for node_id, share, folder in rows:
        found.setdefault(node_id, {})[UncPath.parse(share)] = folder
    return found


def login_for(cluster: Cluster, server: str) -> ShareLogin | None:
    """How the portal logs in to a file server; None where nobody said. The case of `server` does not count."""
    row = FileServerLogin.objects.filter(cluster=cluster, server=server.casefold()).first()
    if row is None or row.password is None:
        return None
    return ShareLogin(row.server, row.port, row.username, row.password)
