"""Checks over what the nodes are: version, registration key, part in the cluster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from nodes.checks.core.finding import Finding, passes
from nodes.checks.core.readings import ClusterReading, NodeReading, Standing

NOT_READ = "Its facts were never read."
READ = "Approve its host key, give it a credential and read its facts."

SIGNAL = "0x4151020C"
"""Code of `Replication Signal from: <primary>` in a node's own cluster log (source: guide)."""

SIGNAL_WORDS = "Replication Signal from:"


def staleness(reading: ClusterReading, node: NodeReading) -> Finding | None:
    """Why nothing can be said of a node; None where its readings are recent."""
    if node.age is None:
        return Finding(node.name, Standing.UNKNOWN, NOT_READ, READ)
    if node.age > reading.stale_after:
        text = f"Its facts are {_age(node.age)} old."
        return Finding(node.name, Standing.UNKNOWN, text, "Bring the node back, then read its facts.")
    return None


def _age(seconds: float) -> str:
    return f"{seconds / 3600:.0f} h" if seconds >= 7200 else f"{seconds / 60:.0f} min"


def same_version(reading: ClusterReading) -> list[Finding]:
    """Version strings must be equal, letter and all (26.0.2b is not 26.0.2)."""
    primary = reading.primary
    return [
        staleness(reading, node) or _version(node, primary if primary is not None else node) for node in reading.nodes
    ]


def _version(node: NodeReading, primary: NodeReading) -> Finding:
    if not node.version:
        remedy = "See the node's facts for why; compare by hand."
        return Finding(node.name, Standing.UNKNOWN, "It does not tell its version.", remedy)
    if primary.version and node.version.casefold() != primary.version.casefold():
        text = f"It runs {node.version}; the primary {primary.name} runs {primary.version}."
        return Finding(
            node.name, Standing.FAIL, text, "Bring all nodes to the same version; replication halts until then."
        )
    return passes(node.name, f"It runs {node.version}.")


def registration_key(reading: ClusterReading) -> list[Finding]:
    """No two nodes may have the same registration key. Keys are entered by hand and kept as a sealed digest."""
    holders: dict[str, list[str]] = defaultdict(list)
    for node in reading.nodes:
        if node.registration:
            holders[node.registration].append(node.name)
    return [_registration(node, holders) for node in reading.nodes]


def _registration(node: NodeReading, holders: dict[str, list[str]]) -> Finding:
    if not node.registration:
        text = "Its registration key was not entered."
        remedy = "Enter it among the node's settings; only a sealed digest is kept, to compare keys."
        return Finding(node.name, Standing.UNKNOWN, text, remedy)
    others = [name for name in holders[node.registration] if name != node.name]
    if others:
        text = f"It has the same registration key as {', '.join(others)}."
        return Finding(node.name, Standing.FAIL, text, "Give each node a registration key of its own.")
    return passes(node.name, "Its key is no other node's.")


def one_primary(reading: ClusterReading) -> list[Finding]:
    """One node has the role, and no server says otherwise."""
    if reading.primary is None:
        remedy = "Give one node the role primary; replication refuses without one."
        return [Finding("", Standing.FAIL, "No node of this cluster is the primary.", remedy)]
    return [_part(node) for node in reading.nodes]


def _part(node: NodeReading) -> Finding:
    wanted = "primary" if node.primary else "secondary"
    contrary = says_otherwise(node)
    if contrary:
        remedy = "Register the node that is the primary now, or correct the role on the server."
        return Finding(node.name, Standing.FAIL, contrary, remedy)
    if node.part is not None:
        return passes(node.name, f"{node.part.by} attested on {node.part.at} that the server says it is the {wanted}.")
    return passes(node.name, f"Registered as {wanted}; nothing on the server says otherwise.")


def says_otherwise(node: NodeReading) -> str:
    """Evidence that the server has another part than it is registered with; "" for none.

    Its own cluster log counts before what was attested earlier: a replication signal comes from the primary to the
    secondaries only. No ini key is asked: none is publicly known to hold a node's part.
    """
    wanted = "primary" if node.primary else "secondary"
    for sender, line in _signals(node):
        if node.primary and sender.casefold() not in node.host_names:
            return f"Its own cluster log shows that {sender} sends it replication signals: {line}"
    if node.part is not None and node.part.value != wanted:
        return f"{node.part.by} attested on {node.part.at} that the server says it is the {node.part.value}."
    return ""


def _signals(node: NodeReading) -> Iterator[tuple[str, str]]:
    line = node.new_part_log.get(SIGNAL, "")
    sender = line.partition(SIGNAL_WORDS)[2].strip()
    if sender:
        yield sender, line
