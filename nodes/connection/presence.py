"""Whether nodes answer: one question each, of all of them, every few seconds."""

from __future__ import annotations

import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial

from django.conf import settings

from nodes.connection.connect import Door, doors_of, open_node
from nodes.enums import Health
from nodes.errors import NodeError
from nodes.leases.worker import closing
from nodes.registry.models import Node
from nodes.registry.selectors import nodes_with_access
from nodes.registry.services.health import note_reached

AT_ONCE = 32
"""Nodes asked concurrently: one that hangs must not keep the others from being asked."""

_ASKED: set[int] = set()
"""Nodes that are being asked, also those that began to hang in an earlier round."""
_LOCK = threading.Lock()


def ask_all() -> Collection[int]:
    """Ask every node that let the portal in the last time; answers who answered within `PORTAL.reach`. Who does not is
    away. The first login, and another one where it was refused, are left to others: further tries could lock the
    account."""
    known = nodes_with_access().filter(health__in=(Health.OK, Health.DOWN))
    nodes = [node for node in known if node.pk not in _ASKED]
    if not nodes:
        return ()
    doors = doors_of([node.pk for node in nodes])
    pool = ThreadPoolExecutor(min(AT_ONCE, len(nodes)), "presence")
    answers = {pool.submit(closing, partial(_answers, node, doors.get(node.pk))): node.pk for node in nodes}
    in_time, _ = wait(answers, settings.PORTAL.reach)
    pool.shutdown(wait=False, cancel_futures=True)
    reached = [answers[answer] for answer in in_time if answer.result()]
    note_reached(reached)
    return reached


def _answers(node: Node, door: Door | None) -> bool:
    """Whether a node answers; False, too, where somebody else is asking it."""
    with _LOCK:
        if node.pk in _ASKED:
            return False
        _ASKED.add(node.pk)
    try:
        return _let_in(node, door)
    finally:
        _ASKED.discard(node.pk)


def _let_in(node: Node, door: Door | None) -> bool:
    try:
        with open_node(node, door, waits=settings.PORTAL.reach) as link:
            link.session.stat(link.root)
    except (NodeError, Node.DoesNotExist):  # `open_node` noted what it means; or it was removed meanwhile
        return False
    return True
