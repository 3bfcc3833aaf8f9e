"""How a node is doing, said at once by whoever talked with it, or tried to."""

from __future__ import annotations

from collections.abc import Collection

from django.utils import timezone

from nodes.enums import Health
from nodes.errors import AuthRejected, HostKeyUnknown, LimitBroken, NodeError, SessionLost, TimedOut, Unreachable
from nodes.leases.transactions import write_transaction
from nodes.one_line import one_line
from nodes.registry.models import Node
from nodes.registry.services.presence import note_presence

AWAY = (Unreachable, TimedOut, SessionLost)
"""What says that the node does not answer."""

TELLING = (*AWAY, AuthRejected, LimitBroken)
"""What a connection tells of the node itself, not of a file on it."""

LIMIT = str(LimitBroken())
"""How the cause begins where a node broke a limit."""

LIMIT_OF_FACTS = f"{LIMIT} Its facts: "


def health_after(error: NodeError) -> Health:
    """What an error says of the node."""
    if isinstance(error, HostKeyUnknown):
        return Health.UNKNOWN
    return Health.DOWN if isinstance(error, AWAY) else Health.DEGRADED


def set_health(*, node_id: int, health: Health, cause: str = "") -> None:
    """Say how a node is doing; `health_since` moves only when the word changes, and nothing is written where nothing
    does. A quarantine is not talked away: only approving a host key ends it."""
    cause = one_line(cause, 300)
    known = Node.objects.filter(pk=node_id, quarantined_reason="")
    if known.filter(health=health, health_cause=cause).exists():
        return
    with write_transaction():
        node = known.select_for_update().first()
        if node is None:
            return
        note_presence(node, health, cause)
        if node.health != health:
            node.health, node.health_since = health, timezone.now()
            node.reached_at = node.health_since if health == Health.OK else node.reached_at
        node.health_cause = cause
        node.save(update_fields=["health", "health_cause", "health_since", "reached_at"])


def note_answered(node: Node) -> None:
    """A login worked: the node, by its row as it was just read, does not refuse. That one which was away does what it
    is asked again, or keeps its limits, is not said by that."""
    if node.health not in (Health.OK, Health.DOWN) and not _broke_a_limit(node):
        set_health(node_id=node.pk, health=Health.OK)


def note_worked(node: Node, *, of_facts: bool) -> None:
    """Work with the node went well to its end. So it is not away, by its row as it was read before, and keeps the
    limits that it broke in work of the same kind: with its facts, or with its files."""
    kept = _broke_a_limit(node) and node.health_cause.startswith(LIMIT_OF_FACTS) == of_facts
    if kept or node.health == Health.DOWN:
        set_health(node_id=node.pk, health=Health.OK)


def note_failure(node: Node, error: NodeError, *, of_facts: bool = False) -> None:
    """It does not answer, refuses the portal or breaks a limit: whoever found out says so at once."""
    broken = of_facts and isinstance(error, LimitBroken)
    cause = LIMIT_OF_FACTS + error.detail if broken else str(error)
    set_health(node_id=node.pk, health=health_after(error), cause=cause)


def _broke_a_limit(node: Node) -> bool:
    return node.health == Health.DEGRADED and node.health_cause.startswith(LIMIT)


def note_reached(node_ids: Collection[int]) -> None:
    """These answered just now. One UPDATE; nothing for none."""
    if node_ids:
        with write_transaction():
            Node.objects.filter(pk__in=node_ids).update(reached_at=timezone.now())
