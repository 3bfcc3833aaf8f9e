"""How it is with a cluster's multi-node mail routing: what was set, and what its servers do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.errors import Reason
from nodes.clusters.models import Cluster
from nodes.clusters.selectors import plain_profile
from nodes.platforms.unc import UncPath
from nodes.queues.core.places import wanted_place
from nodes.queues.selectors.gate import reasons_against
from nodes.queues.selectors.places import shared_queues
from nodes.registry.models import Node
from nodes.registry.selectors import still_in
from nodes.shares.core.draft import RoutingChange, drafted
from nodes.shares.core.layout import QUEUES
from nodes.shares.models import SharedPaths
from nodes.shares.selectors.layout import layout_of, paths_row

ON, OFF, TO_APPLY, UNKNOWN = "on", "off", "to_apply", "unknown"

LABELS = {ON: "On", OFF: "Off", TO_APPLY: "To be applied", UNKNOWN: "Not known"}


@dataclass(frozen=True, slots=True)
class NodeRouting:
    """One server. `shares`: whether it works in the queues that all share, by its own files when its queues were read
    last; None where that is not known, or nobody said which queues all share. `folder`: where it works."""

    node: int
    name: str
    version: str
    shares: bool | None
    folder: str


@dataclass(frozen=True, slots=True)
class RoutingShown:
    """`row` holds what was set, and may not be saved yet; `place`: the shared queues that follow, None where nobody
    said. `reasons`: what stands against switching it on; `since`: the version that it came with, `source` who says
    so."""

    row: SharedPaths
    place: UncPath | None
    reasons: tuple[Reason, ...]
    since: str
    source: str
    nodes: tuple[NodeRouting, ...]

    @property
    def state(self) -> str:
        """ON or OFF where all servers do as was set, TO_APPLY where some do not, UNKNOWN where one was not read."""
        if any(node.shares is not self.row.routing for node in self.nodes if node.shares is not None):
            return TO_APPLY
        if self.row.routing and any(node.shares is None for node in self.nodes):
            return UNKNOWN
        return ON if self.row.routing else OFF

    @property
    def label(self) -> str:
        """The state, for people."""
        return LABELS[self.state]

    @property
    def sentence(self) -> str:
        """What that means on the servers."""
        state, others = self.state, [node.name for node in self.nodes if node.shares is (not self.row.routing)]
        if state == TO_APPLY and self.row.routing:
            return f"Set, and not on the servers yet: {_listed(others)} with queues of their own."
        if state == TO_APPLY:
            return f"Switched off here, and not on the servers yet: {_listed(others)} in the shared queues."
        if state == UNKNOWN:
            unread = [node.name for node in self.nodes if node.shares is None]
            return f"Set. Where these servers keep their queues was not read yet: {', '.join(unread)}."
        if state == ON:
            return "Every server works in the shared queues, so no message waits for a server that is down."
        return "Every server works in queues of its own. Messages in those of a server that is down wait for it."


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'works' if len(names) == 1 else 'work'}"


def routing_of(cluster: Cluster) -> RoutingShown:
    """Four queries for any number of servers. Raises ProfileError."""
    profile = plain_profile(cluster)
    place = shared_queues(cluster, profile)
    rows = still_in(cluster).select_related("facts", "queue_reading")
    nodes = tuple(_node(row, place) for row in rows)
    reasons = reasons_against(((node.name, node.version) for node in nodes), profile.routing_since)
    return RoutingShown(paths_row(cluster), place, reasons, profile.routing_since, str(profile.routing_source), nodes)


def routing_preview(cluster: Cluster, change: RoutingChange) -> tuple[UncPath | None, tuple[str, ...]]:
    """Where the shared queues would lie, and what is wrong with what was chosen. Raises ProfileError."""
    folders = plain_profile(cluster).folders
    draft = drafted(layout_of(cluster), change, folders)
    return wanted_place(draft.layout, folders), tuple(draft.complaints.get(QUEUES, ()))


def _node(row: Node, place: UncPath | None) -> NodeRouting:
    facts, reading = getattr(row, "facts", None), getattr(row, "queue_reading", None)
    shares = reading.shared if reading is not None and reading.read_at and place is not None else None
    return NodeRouting(
        node=row.pk,
        name=row.name,
        version=facts.product_version if facts else "",
        shares=shares,
        folder=reading.place if reading else "",
    )
