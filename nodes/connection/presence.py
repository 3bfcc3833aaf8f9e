"""Whether nodes answer: one question each, of all of them, every few seconds."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from nodes.connection.connect import open_node
from nodes.enums import Health
from nodes.errors import NodeError
from nodes.leases.worker import closing
from nodes.registry.models import Node
from nodes.registry.selectors import nodes_with_access
from nodes.registry.services.health import note_reached

AT_ONCE = 32
"""Nodes asked concurrently: one that hangs must not keep the others from being asked."""


def ask_all() -> Collection[int]:
    """Ask every node that let the portal in the last time; answers who answered. Who does not is away. The first login,
    and another one where it was refused, are left to others: further tries could lock the account."""
    nodes = list(nodes_with_access().filter(health__in=(Health.OK, Health.DOWN)))
    if not nodes:
        return ()
    with ThreadPoolExecutor(min(AT_ONCE, len(nodes)), "presence") as pool:
        answers = pool.map(lambda node: closing(partial(_answers, node)), nodes)
        reached = [node.pk for node, answered in zip(nodes, answers, strict=True) if answered]
    note_reached(reached)
    return reached


def _answers(node: Node) -> bool:
    try:
        with open_node(node) as link:
            link.session.stat(link.root)
    except (NodeError, Node.DoesNotExist):  # `open_node` noted what it means; or it was removed meanwhile
        return False
    return True
