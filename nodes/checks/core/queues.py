"""Checks over multi-node mail routing and over what waits in mail queues."""

from __future__ import annotations

from nodes.checks.core.finding import Finding, passes
from nodes.checks.core.readings import ClusterReading, NodeReading, QueuesRead, Standing, Waiting
from nodes.checks.core.service import on_a_share
from nodes.checks.core.shares import APPLY, OUTSIDE, ago
from nodes.counted import many
from nodes.products.version import is_at_least
from nodes.shares.core.layout import QUEUES

_UNREAD = "Its mail queues were not read yet."
_READ = "Bring the node back; queues that nodes share, or shall, are read every minute."


def routing(reading: ClusterReading) -> list[Finding]:
    """Mail routing stands on every node as it is set, and every node's version can do it."""
    wanted, since = reading.routing, reading.routing_since
    return [_version(node, since if wanted else "") or _routing(node, wanted=wanted) for node in reading.nodes]


def _version(node: NodeReading, since: str) -> Finding | None:
    """What is wrong with its version; "": any will do."""
    enough = is_at_least(node.version, since) if since else True
    if enough is None:
        return Finding(node.name, Standing.UNKNOWN, "It does not tell its version.", f"Compare it by hand: {since}.")
    if enough:
        return None
    text = f"It runs {node.version}; multi-node mail routing came with {since}."
    remedy = f"Bring it to {since} or later, or set multi-node mail routing off."
    return Finding(node.name, Standing.FAIL, text, remedy)


def _routing(node: NodeReading, *, wanted: bool) -> Finding:
    found = _on(node, wanted=wanted)
    waits = node.outside and found.standing in (Standing.WARN, Standing.UNKNOWN)
    return passes(node.name, OUTSIDE) if waits else found


def _on(node: NodeReading, *, wanted: bool) -> Finding:
    if node.queues is None or node.queues.age is None:
        return _unread(node, wanted=wanted)
    where = f"It works in {'the shared queues' if node.queues.shared else 'queues of its own'}, {node.queues.place}."
    if node.queues.shared == wanted:
        return passes(node.name, where)
    text = f"{where} Multi-node mail routing is set to be {'on' if wanted else 'off'}."
    return Finding(node.name, Standing.WARN, text, APPLY)


def _unread(node: NodeReading, *, wanted: bool) -> Finding:
    """What its files say, where nobody looked into its queues: that is done where nodes share them only."""
    kept = [one.path for one in node.kept if one.role == QUEUES]
    if wanted or len(kept) != 1 or on_a_share(kept[0]):
        return Finding(node.name, Standing.UNKNOWN, _UNREAD, _READ)
    return passes(node.name, f"Multi-node mail routing is set to be off; its files keep its queues in {kept[0]}.")


def left_behind(reading: ClusterReading) -> list[Finding]:
    """No message lies where no server works on it."""
    return [_left(node, wanted=reading.routing) for node in reading.nodes]


def _left(node: NodeReading, *, wanted: bool) -> Finding:
    queues = node.queues
    if queues is None and not wanted:
        return passes(node.name, "Its queues were never switched by the portal, so it left none behind.")
    if queues is None or queues.age is None:
        return Finding(node.name, Standing.UNKNOWN, _UNREAD, _READ)
    if queues.left.messages:
        text = f"{_words(queues.left)} left in {queues.left_place}, where no server works any more."
        return Finding(node.name, Standing.WARN, text, "Move them: Mail routing tells how many, and moves them.")
    if node.away and queues.waiting.messages and not queues.shared:
        return _stuck(node, queues, queues.age)
    if queues.error:
        return Finding(node.name, Standing.UNKNOWN, f"Its queues could not be read: {queues.error}", _READ)
    return passes(node.name, "No message is left behind.")


def _stuck(node: NodeReading, queues: QueuesRead, age: float) -> Finding:
    text = f"It does not answer. {_words(queues.waiting)} waiting in its own queues when they were read {ago(age)}."
    remedy = "Bring it back. With multi-node mail routing the others would deliver them."
    return Finding(node.name, Standing.WARN, text, remedy)


def _words(waiting: Waiting) -> str:
    oldest = "" if waiting.oldest is None else f" (the oldest came {ago(waiting.oldest)})"
    return f"{many(waiting.messages, 'message')}{oldest} {'is' if waiting.messages == 1 else 'are'}"
