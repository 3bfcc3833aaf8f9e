"""What the targets of a share test need of the database, read once for all that were claimed together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nodes.connection.connect import Door, doors_of
from nodes.enums import CredentialKind, Health, NodeRole
from nodes.facts.models import NodeFacts
from nodes.platforms.unc import UncPath
from nodes.registry.models import Node
from nodes.registry.selectors import still_in
from nodes.shares.core.accounts import is_service_account
from nodes.shares.selectors.layout import mounts_of_cluster
from replication.jobs.models import Job, Target
from replication.shared_paths.test_job.peers import Other, Peers


@dataclass(frozen=True, slots=True)
class Scene:
    """`ring`: the nodes of the cluster, but those that left it, in the order of their ids. `first`: the job's first
    target. `speaker`: the node whose target also tries the folders from the portal."""

    ring: Sequence[Node]
    doors: Mapping[int, Door]
    mounts: Mapping[int, Mapping[UncPath, str]]
    accounts: Mapping[int, tuple[str, ...]]
    first: int
    speaker: int

    def login(self, node: Node) -> str:
        """As whom the portal logs in to a node; "" where it cannot."""
        return node.credential.username if node.credential else ""

    def by_key(self, node: Node) -> bool:
        """Whether it does so by a key."""
        return node.credential is not None and node.credential.kind == CredentialKind.KEY

    def is_service_account(self, node: Node) -> bool | None:
        """Whether that is who the services run as; None: not known."""
        accounts = self.accounts.get(node.pk, ())
        return is_service_account(self.login(node), accounts) if accounts else None

    def peers(self, node: Node, waits: float) -> Peers:
        """Who may be asked what a node wrote: the others that are not known to be away, from the next one on."""
        at = next((place for place, one in enumerate(self.ring) if one.pk == node.pk), -1)
        others = [*self.ring[at + 1 :], *self.ring[: max(at, 0)]]
        there = [one for one in others if not (one.paused or one.quarantined_reason or one.health == Health.DOWN)]
        none = "no other node answers" if others else "there is no other node"
        asked = [Other(one, self.doors.get(one.pk), self.mounts.get(one.pk, {})) for one in there]
        return Peers(asked, waits, none)


def read_scene(job: Job, _nodes: Sequence[Node]) -> Scene:
    """All of it."""
    rows = still_in(job.cluster_id)
    ring = list(rows.select_related("credential").order_by("pk"))
    targets = dict(Target.objects.filter(job=job).order_by("pk").values_list("node", "pk"))
    primary = next((node.pk for node in ring if node.role == NodeRole.PRIMARY and node.pk in targets), None)
    facts = NodeFacts.objects.filter(node__cluster=job.cluster_id).values_list("node", "services")
    return Scene(
        ring=ring,
        doors=doors_of([node.pk for node in ring]),
        mounts=mounts_of_cluster(job.cluster),
        accounts={node_id: tuple(one["account"] for one in services) for node_id, services in facts},
        first=min(targets.values(), default=0),
        speaker=primary or next(iter(targets), 0),
    )
