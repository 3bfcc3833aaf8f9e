"""How states read on a page: the tone of each word, and which word a node's badge shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nodes.enums import Clustering, Health, Joining, NodeRole
from nodes.models.cluster import Cluster
from nodes.models.node import Node

_TONES = {
    "ok": "ok on pass quiet verified succeeded approved add",
    "warn": "warn degraded held paused seen waiting converging awaiting_approval halted contended blocked warning",
    "bad": "fail down away quarantined failed revoked error delete",
    "info": "settling running planning joining leaving ending info update",
    "idle": "unknown registered left requested pending cancelled touch off disabled",
}
_TONE_OF = {word: tone for tone, words in _TONES.items() for word in words.split()}
_WORST_FIRST = ("bad", "warn", "info", "idle", "ok")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state's word, the words a person reads, and why."""

    state: str
    label: str
    cause: str = ""

    @property
    def tone(self) -> str:
        """The colour's name."""
        return tone_of(self.state)


def tone_of(state: str) -> str:
    """ok, warn, bad, info or idle; an unknown word is idle."""
    return _TONE_OF.get(str(state), "idle")


def verdict_of(node: Node) -> Verdict:
    """What matters most about a node: quarantine, then an operator's pause, then that a secondary is no server of the
    cluster (yet, or any more), then its health."""
    if node.quarantined_reason:
        return Verdict("quarantined", Health.QUARANTINED.label, node.quarantined_reason)
    if node.paused:
        return Verdict("paused", "Paused", node.paused_reason)
    if node.role == NodeRole.SECONDARY and node.joining != Joining.JOINED:
        return Verdict(node.joining, Joining(node.joining).label, node.health_cause)
    return Verdict(node.health, Health(node.health).label, node.health_cause)


def worst_of(nodes: Iterable[Node]) -> Verdict:
    """The verdict of the node that is worst off; unknown for no nodes."""
    verdicts = [verdict_of(node) for node in nodes]
    if not verdicts:
        return Verdict("unknown", "No nodes yet")
    return min(verdicts, key=lambda verdict: _WORST_FIRST.index(verdict.tone))


def verdict_of_counts(cluster: Cluster) -> Verdict:
    """A cluster's verdict from the counts that `clusters_for` annotates."""
    counts = {
        name: getattr(cluster, f"{name}_count") for name in ("quarantined", "down", "degraded", "healthy", "node")
    }
    if cluster.paused:
        return Verdict("paused", "Paused", cluster.paused_reason)
    if cluster.clustering == Clustering.OFF:
        return Verdict("off", "Clustering disabled")
    for state in (Health.QUARANTINED, Health.DOWN, Health.DEGRADED):
        if counts[state.value]:
            return Verdict(state.value, f"{counts[state.value]} {state.label.lower()}")
    if not counts["node"]:
        return Verdict("unknown", "No nodes yet")
    unknown = counts["node"] - counts["healthy"]
    return Verdict("unknown", f"{unknown} not yet observed") if unknown else Verdict("ok", "Healthy")
