"""Where a cluster's nodes are to keep the folders that they share: what people set, and what follows for each folder.
Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nodes.platforms.unc import UncPath
from nodes.products.profile import FolderRule

COMMON, INDIVIDUAL = "common", "individual"
"""Modes, in the words of `nodes.enums.PathMode`."""

QUEUES = "queues"
"""The role of the folder that is shared only while multi-node mail routing is on."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What was set. `mode` "": nobody chose yet. `common`: the folder in which all others lie in COMMON mode. `own`:
    each folder's path by its role, in INDIVIDUAL mode. `queues` None: on the common share under its usual name."""

    mode: str = ""
    common: UncPath | None = None
    own: Mapping[str, UncPath] = field(default_factory=dict)
    queues: UncPath | None = None
    routing: bool = False

    def path_of(self, role: str, default_name: str) -> UncPath | None:
        """Where a folder shall lie; `default_name`: what it is called on a common share. None where nobody said."""
        if role == QUEUES and self.queues is not None:
            return self.queues
        if self.mode == COMMON:
            return self.common.join(default_name) if self.common is not None else None
        return self.own.get(role) if self.mode == INDIVIDUAL and role != QUEUES else None


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """One folder that all nodes share, and where it shall lie."""

    role: str
    label: str
    path: UncPath


def default_name(folder: FolderRule) -> str:
    """What a folder is called on a common share: the last name of its usual place."""
    return folder.default.rpartition("/")[2]


def shared_folders(folders: Iterable[FolderRule], *, routing: bool) -> tuple[FolderRule, ...]:
    """The folders that all nodes share, in the profile's order; the queues among them with `routing`."""
    return tuple(folder for folder in folders if (routing if folder.role == QUEUES else folder.shared))


def effective(layout: Layout, folders: Iterable[FolderRule]) -> tuple[SharedPlace, ...]:
    """Where each shared folder shall lie; those of which nobody said where are not among them."""
    found = []
    for folder in shared_folders(folders, routing=layout.routing):
        path = layout.path_of(folder.role, default_name(folder))
        if path is not None:
            found.append(SharedPlace(folder.role, folder.label, path))
    return tuple(found)
