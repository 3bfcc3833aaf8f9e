"""What workers do to know what waits in the queues of nodes."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.errors import Refused
from accounts.principals import Principal
from nodes.leases.crew import CREW, Lane
from nodes.queues.look import read_queues_of
from nodes.queues.selectors.queues import clusters_with_routing, last_asked, nodes_to_count
from nodes.queues.services.readings import note_asked

AT_ONCE = 8
"""Nodes of one cluster whose queues are counted at once."""

WATCHED = timedelta(seconds=10)
"""While somebody looks at a cluster's queues they are counted again after so long."""

EXPIRES = 30
"""Seconds after which nobody waits for the answer any more."""


@shared_task(name="nodes.tasks.read_queues")
def read_queues(*cluster_ids: int) -> None:
    """Count the queues of these clusters' nodes; without any, of those where nodes share queues, or shall. Doing it
    twice is fine."""
    for cluster_id, node_id in nodes_to_count(cluster_ids or clusters_with_routing()):
        CREW.do(Lane("queues", cluster_id, AT_ONCE), node_id, partial(read_queues_of, node_id))


def ask_to_count(principal: Principal, cluster_id: int) -> None:
    """A person wants to know: wake a worker. Needs an operator. Raises Refused where none can be told."""
    note_asked(principal, cluster_id)
    try:
        _wake(cluster_id)
    except (OperationalError, OSError) as error:
        text = "No worker can be told now: the broker does not answer."
        raise Refused("no_broker", text, "Try again later.") from error


def count_while_watched(cluster_id: int) -> None:
    """Somebody looks at a cluster's queues: have them counted again once that was a while ago."""
    asked = last_asked(cluster_id)
    if asked is not None and timezone.now() - asked < WATCHED:
        return
    try:
        _wake(cluster_id)
    except (OperationalError, OSError):
        return  # the page shows of when its numbers are


def _wake(cluster_id: int) -> None:
    read_queues.apply_async(args=(cluster_id,), retry=False, expires=EXPIRES)
