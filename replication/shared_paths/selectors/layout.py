"""A cluster's shared paths as they are set, beside where its nodes keep the folders today."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Case, Value, When

from nodes.clusters.models import Cluster
from nodes.enums import NodeRole
from nodes.products.folders import folders_from
from nodes.products.profile import FolderRule
from nodes.registry.models import Node
from nodes.shares.core.draft import Draft, PathsChange, drafted
from nodes.shares.core.layout import Layout
from nodes.shares.models import SharedPaths
from nodes.shares.selectors.layout import layout_from, mounts_of_cluster, own_paths, paths_row, rules_of
from replication.shared_paths.core.today import FolderShown, NodeFolders, folders_shown


@dataclass(frozen=True, slots=True)
class SharedPathsShown:
    """What pages and programs show. `row` may not be saved yet; `rules`: all folders that the profile names; `draft`:
    what follows, and what is wrong with it by now."""

    row: SharedPaths
    rules: tuple[FolderRule, ...]
    draft: Draft
    folders: tuple[FolderShown, ...]

    @property
    def layout(self) -> Layout:
        """What is set, or would be."""
        return self.draft.layout

    @property
    def own_texts(self) -> dict[str, str]:
        """The paths of single folders by role, as they are written."""
        return {role: str(path) for role, path in self.layout.own.items()}


def shared_paths_of(cluster: Cluster, change: PathsChange | None = None, *, longest: int = 0) -> SharedPathsShown:
    r"""What is set of a cluster's shared paths; with a change, what that would make of them. `longest`: bytes of the
    longest `domain\mailbox`. Raises Refused where its profile cannot be read."""
    row, rules = paths_row(cluster), rules_of(cluster)
    draft = drafted(layout_from(row, own_paths(cluster)), change or PathsChange(), rules, longest)
    folders = folders_shown(rules, draft.places, node_folders(cluster), routing=draft.layout.routing)
    return SharedPathsShown(row, rules, draft, folders)


def node_folders(cluster: Cluster) -> tuple[NodeFolders, ...]:
    """Where each node's files said that its folders lie, the primary first. Two queries."""
    first = Case(When(role=NodeRole.PRIMARY, then=Value(0)), default=Value(1))
    rows = Node.objects.filter(cluster=cluster).order_by(first, "sort_key").values_list("pk", "name", "facts__folders")
    mounts = mounts_of_cluster(cluster)
    return tuple(NodeFolders(pk, name, folders_from(folders or ()), mounts.get(pk)) for pk, name, folders in rows)
