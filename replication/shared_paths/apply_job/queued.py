"""What waits in the mail queues of every node when the folder that they lie in is changed: before, and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from nodes.clusters.models import Cluster
from nodes.connection.connect import NodeLink
from nodes.counted import many
from nodes.products.profile import Profile
from nodes.queues.look import queued_on
from nodes.queues.selectors.queues import counted_last
from nodes.registry.models import Node
from nodes.shares.core.layout import QUEUES
from replication.shared_paths.core.apply_plans import NodeWords, Said, parts_of
from replication.shared_paths.core.values import WantedValue

ROUTING = "routing"
"""The role of the switch of multi-node mail routing."""


def is_about_queues(values: Iterable[WantedValue]) -> bool:
    """Whether the queues' folder, or the switch of mail routing, is among what is written."""
    return any(value.role in (QUEUES, ROUTING) for value in values)


def queued_before(cluster: Cluster, values: Iterable[WantedValue]) -> dict[int, NodeWords]:
    """By node: how many messages lay in its queues when they were counted last; of nothing else anything is said."""
    if not is_about_queues(values):
        return {}
    return {node_id: _words(at, queues) for node_id, (at, queues) in counted_last(cluster).items()}


def _words(at: datetime, queues: Mapping[str, int]) -> NodeWords:
    when = f"counted at {at:%H:%M:%S} UTC"
    lines = [Said(queue or "the folder itself", f"{many(count, 'message')}, {when}") for queue, count in queues.items()]
    return parts_of(("Messages in its queues", "queue", "with messages", lines or [Said("none", when)]))


def with_queued(words: NodeWords, queued: Mapping[int, NodeWords], node_id: int) -> NodeWords:
    """What a plan says of a node, and what waits there."""
    return NodeWords((*words.parts, *queued.get(node_id, NodeWords()).parts))


def queued_now(link: NodeLink, node: Node, profile: Profile, values: Iterable[WantedValue]) -> dict[str, Any]:
    """The same for the proof, by folder, counted on the node now. Raises SessionLost, TimedOut, LimitBroken."""
    if not is_about_queues(values):
        return {}
    row = Node.objects.select_related("cluster", "queue_reading").get(pk=node.pk)
    return {"queued": queued_on(link, row, profile)}
