r"""How a node reaches a path on a share: Windows by the path itself, others by where the share is mounted."""

from __future__ import annotations

from collections.abc import Mapping

from nodes.platforms.base import Platform
from nodes.platforms.unc import UncPath


class NoMountPoint(ValueError):
    """Nobody said where the node mounts the share; the sentence says how to say it."""


def remote_path(platform: Platform, mounts: Mapping[UncPath, str], path: UncPath) -> str:
    """The SFTP path of a shared path on a node. `mounts`: share -> folder, for a system without UNC paths. Raises
    NoMountPoint."""
    if platform.name == "windows":
        return platform.sftp_path(str(path))
    mounted = mounts.get(path.root)
    if mounted is None:
        raise NoMountPoint(f"Nobody said where it mounts {path.root}; enter its mount point.")
    return "/".join([platform.sftp_path(mounted).rstrip("/"), *path.folders])
