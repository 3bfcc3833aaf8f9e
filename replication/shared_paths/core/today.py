"""Where nodes keep the shared folders today, beside where they shall lie. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nodes.platforms.unc import UncPath
from nodes.products.profile import FolderPath, FolderRule
from nodes.shares.core.layout import SharedPlace, shared_folders
from nodes.shares.core.standing import is_at


class Standing(StrEnum):
    """How a folder of a node stands to where it shall lie. INSIDE: in the node's own installation folder. ELSEWHERE:
    outside it, where nobody said yet where it shall lie."""

    UNREAD = "unread"
    AS_SET = "as_set"
    INSIDE = "inside"
    DIFFERS = "differs"
    SEVERAL = "several"
    ELSEWHERE = "elsewhere"

    @property
    def label(self) -> str:
        """What a person reads."""
        return _LABELS[self]


_LABELS = {
    Standing.UNREAD: "Not read yet",
    Standing.AS_SET: "As set",
    Standing.INSIDE: "Inside the installation folder",
    Standing.DIFFERS: "Differs",
    Standing.SEVERAL: "Several places found",
    Standing.ELSEWHERE: "Elsewhere",
}


@dataclass(frozen=True, slots=True)
class NodeFolders:
    """What one node's files said of its folders; none where they were not read. `mounts`: where it mounts shares."""

    node_id: int
    name: str
    folders: tuple[FolderPath, ...] = ()
    mounts: Mapping[UncPath, str] | None = None


@dataclass(frozen=True, slots=True)
class NodeName:
    """A node, as pages and programs name it."""

    node: int
    name: str


@dataclass(frozen=True, slots=True)
class Today:
    """Where some nodes keep a folder: all that say the same. `paths` has several where their files name several.
    `everywhere`: several nodes, and no other says anything else."""

    standing: Standing
    paths: tuple[str, ...]
    nodes: tuple[NodeName, ...]
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class FolderShown:
    """One shared folder. `path` None: nobody said where it shall lie."""

    role: str
    label: str
    path: UncPath | None
    today: tuple[Today, ...]


def folders_shown(
    rules: Sequence[FolderRule], places: Sequence[SharedPlace], nodes: Sequence[NodeFolders], *, routing: bool
) -> tuple[FolderShown, ...]:
    """Each shared folder with where it shall lie, and where the nodes keep it."""
    wanted = {place.role: place.path for place in places}
    return tuple(
        FolderShown(rule.role, rule.label, wanted.get(rule.role), _today(rule.role, wanted.get(rule.role), nodes))
        for rule in shared_folders(rules, routing=routing)
    )


def _today(role: str, wanted: UncPath | None, nodes: Sequence[NodeFolders]) -> tuple[Today, ...]:
    said: dict[tuple[Standing, tuple[str, ...]], list[NodeName]] = {}
    for node in nodes:
        found = [folder for folder in node.folders if folder.role == role]
        key = _standing(found, wanted, node.mounts or {}), tuple(folder.path for folder in found)
        said.setdefault(key, []).append(NodeName(node.node_id, node.name))
    everywhere = len(said) == 1 < len(nodes)
    return tuple(Today(standing, paths, tuple(names), everywhere) for (standing, paths), names in said.items())


def _standing(found: Sequence[FolderPath], wanted: UncPath | None, mounts: Mapping[UncPath, str]) -> Standing:
    if len(found) != 1:
        return Standing.SEVERAL if found else Standing.UNREAD
    [folder] = found
    if wanted is not None and is_at(folder.path, wanted, mounts):
        return Standing.AS_SET
    if folder.inside:
        return Standing.INSIDE
    return Standing.ELSEWHERE if wanted is None else Standing.DIFFERS
