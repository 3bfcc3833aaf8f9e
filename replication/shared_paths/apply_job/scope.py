"""What one job is about: the primary, the secondaries that must come to hold the same, where folders shall lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from accounts.errors import Reason, Refused
from nodes.clusters.models import Cluster
from nodes.enums import REPLICATED, Clustering, NodeRole
from nodes.facts.selectors.facts import profile_of
from nodes.platforms.unc import UncPath
from nodes.products.profile import Profile
from nodes.registry.models import Node
from nodes.shares.core.layout import Layout, SharedPlace, effective, shared_folders
from nodes.shares.models import FormerValue
from nodes.shares.selectors.former import remembered
from nodes.shares.selectors.keys import folder_keys_of
from nodes.shares.selectors.layout import layout_of, mounts_of_cluster
from nodes.shares.services.former import identity
from replication.files.core.paths import RelPath
from replication.jobs.models import Job
from replication.shared_paths.core.apply_plans import MOVED, SHARED
from replication.shared_paths.core.values import Former, Key

WINDOWS = "windows"


@dataclass(frozen=True)
class Scope:
    """Read once a job. `served`: the secondaries that are replicated to."""

    job: Job
    cluster: Cluster
    profile: Profile
    primary: Node
    served: tuple[Node, ...]
    layout: Layout
    mounts: Mapping[int, Mapping[UncPath, str]]
    keys: tuple[Key, ...]
    rows: tuple[FormerValue, ...]

    @property
    def to_share(self) -> bool:
        """Whether folders go to their shared places, not back."""
        return bool(self.job.options["to"] == SHARED)

    @property
    def moved(self) -> bool:
        """Whether an operator says that the content of the folders was moved."""
        return bool(self.job.options[MOVED])

    @cached_property
    def places(self) -> tuple[SharedPlace, ...]:
        """Where folders shall lie; the queues where routing is on."""
        return effective(self.layout, shared_folders(self.profile.folders, routing=self.layout.routing))

    @cached_property
    def former(self) -> Mapping[tuple[str, str, str], Mapping[str, Former]]:
        """By key and by what it holds now: what it held before the portal wrote that."""
        found: dict[tuple[str, str, str], dict[str, Former]] = {}
        for row in self.rows:
            if row.value is not None:
                known = found.setdefault(identity(row.path, row.section, row.key), {})
                known[row.wrote] = Former(row.value.reveal(), row.wrote)
        return found

    def former_of(self, key: Key, held: str) -> Former | None:
        """What stood in a key before the portal wrote what it holds."""
        return self.former.get(identity(key.path, key.section, key.key), {}).get(held)

    def mounts_of(self, node: Node) -> Mapping[UncPath, str]:
        """Where a node mounts which share."""
        return self.mounts.get(node.pk, {})


def scope_of(job: Job) -> Scope:
    """Raises Refused where there is nothing to work on."""
    cluster = job.cluster
    nodes = list(cluster.nodes.select_related("facts", "cluster"))
    primary = next((node for node in nodes if node.role == NodeRole.PRIMARY), None)
    if primary is None:
        raise Refused("no_primary", "The cluster has no primary.", "Give one node the role primary.")
    served = tuple(node for node in nodes if node is not primary and node.joining in REPLICATED)
    off = cluster.clustering == Clustering.OFF
    if off and served and job.options["to"] == SHARED:
        text = "Clustering is disabled: what is set on the primary would reach no other server."
        raise Refused("clustering_off", text, "Enable clustering, then apply.")
    return Scope(
        job,
        cluster,
        profile_of(cluster),
        primary,
        () if off else served,
        layout_of(cluster),
        mounts_of_cluster(cluster),
        tuple(
            Key(row.role, RelPath(row.path), row.section, row.key, row.on, row.off) for row in folder_keys_of(cluster)
        ),
        remembered(cluster),
    )


def check_set(scope: Scope) -> None:
    """Raise Refused where nobody said what to write, or nothing can be given back."""
    if scope.to_share and not scope.places:
        raise Refused("nothing_set", "Nobody said where the shared folders shall lie.", "Set their paths first.")
    if not scope.to_share and not scope.rows:
        text = "The portal wrote no shared path on this cluster, or has given all of them back."
        raise Refused("nothing_remembered", text, "Set them in MDaemon to what they shall be.")


def mount_reasons(scope: Scope) -> list[Reason]:
    """Where the one file that all nodes get would not mean the same place on each: a system without UNC paths is given
    the folder at which it mounts the share."""
    if scope.primary.platform == WINDOWS:
        return []
    roots = dict.fromkeys(place.path.root for place in scope.places)
    unlike = (_unlike(scope, node, root) for node in (scope.primary, *scope.served) for root in roots)
    return [reason for reason in unlike if reason is not None]


def _unlike(scope: Scope, node: Node, root: UncPath) -> Reason | None:
    if node.platform == WINDOWS:
        text = f"{node.name} runs Windows and does not reach the folder at which {scope.primary.name} mounts {root}."
        return Reason("mounts_differ", text, "Give the part of the primary to a Windows server.")
    mounted, theirs = scope.mounts_of(scope.primary).get(root), scope.mounts_of(node).get(root)
    if theirs is None:
        return Reason("mount_unknown", f"Nobody said where {node.name} mounts {root}.", "Enter its mount point.")
    if mounted is not None and theirs.rstrip("/") != mounted.rstrip("/"):
        text = f"{node.name} mounts {root} at {theirs}, {scope.primary.name} at {mounted}."
        return Reason("mounts_differ", text, "Mount it at the same folder on all nodes: their file is one.")
    return None
