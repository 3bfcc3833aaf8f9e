"""Where a node's queues lie, as its system spells it and as SFTP does. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nodes.platforms.base import Platform
from nodes.platforms.unc import UncError, UncPath
from nodes.products.profile import FolderPath, FolderRule
from nodes.shares.core.layout import QUEUES, Layout
from nodes.shares.spelling import NoMountPoint, remote_path


def usual_place(folders: Iterable[FolderRule]) -> str:
    """The folder of the queues by the profile, relative to the installation folder."""
    return next((rule.default for rule in folders if rule.role == QUEUES), "Queues")


def wanted_place(layout: Layout, folders: Iterable[FolderRule]) -> UncPath | None:
    """Where the queues that all nodes share shall lie; on a common share under their usual name. None where nobody
    said."""
    return layout.path_of(QUEUES, usual_place(folders).rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class QueuePlaces:
    """How one node reaches queues. `mounts` as in `remote_path`; `wanted`: the queues that all nodes shall share, None
    where nobody said; `own`: the folder in its installation folder, as the node spells it."""

    platform: Platform
    mounts: Mapping[UncPath, str]
    wanted: UncPath | None
    own: str

    def present(self, folders: Iterable[FolderPath]) -> str:
        """Where the node's own files say that its queues lie; where they say nothing, its own folder."""
        return next((folder.path for folder in folders if folder.role == QUEUES and folder.path), self.own)

    def sftp(self, native: str) -> str:
        """A folder as SFTP spells it. Raises ValueError with a sentence."""
        shared = _unc(native)
        if shared is None or self.platform.name == "windows":
            return self.platform.sftp_path(native)
        return remote_path(self.platform, self.mounts, shared)

    def is_shared(self, native: str) -> bool:
        """Whether a folder is the one that all nodes shall share."""
        if self.wanted is None or not native:
            return False
        shared = _unc(native)
        if shared is not None:
            return shared == self.wanted
        try:
            return posixpath.normpath(self.sftp(native)) == posixpath.normpath(self.sftp(str(self.wanted)))
        except ValueError:
            return False

    @property
    def shared(self) -> str:
        """The folder that all nodes shall share, as the node spells it; "" where it cannot reach one."""
        if self.wanted is None:
            return ""
        try:
            return self.platform.native_path(remote_path(self.platform, self.mounts, self.wanted))
        except (NoMountPoint, ValueError):
            return ""


def _unc(native: str) -> UncPath | None:
    try:
        return UncPath.parse(native) if native.startswith("\\\\") else None
    except UncError:
        return None


def left_place(present: str, former: str, known_left: str, places: QueuePlaces) -> str:
    """The folder that a node worked in before and in which messages may be left; "" where there is none. `present`:
    where it works now; `former`: where it did when its queues were read last, "" before the first time."""
    if former and former != present:
        return former
    if known_left and known_left != present:
        return known_left
    return places.own if places.is_shared(present) and places.own != present else ""
