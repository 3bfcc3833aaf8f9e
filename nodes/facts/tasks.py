"""What workers do to read facts."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import partial

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.errors import Refused
from nodes.facts.observe import observe_node
from nodes.facts.selectors.facts import nodes_to_observe
from nodes.leases.crew import CREW, Lane
from nodes.registry.models import Node
from nodes.signals import CLUSTER_CHANGED, LOOK_ASKED

AT_ONCE = 8
"""Nodes of one cluster whose facts are read at once. One that answers far more than was asked costs memory as well."""


@shared_task(name="nodes.tasks.observe")
def observe(node_id: int) -> None:
    """Read a node's facts, keep them, and tell whoever judges its cluster. Doing it twice is fine."""
    for cluster_id in Node.objects.filter(pk=node_id).values_list("cluster", flat=True):
        CREW.do(Lane("facts", cluster_id, AT_ONCE), node_id, partial(_observe, node_id))


def _observe(node_id: int) -> None:
    observe_node(node_id)
    for cluster_id in Node.objects.filter(pk=node_id).values_list("cluster", flat=True):
        CLUSTER_CHANGED.send(sender=None, cluster_id=cluster_id)


@shared_task(name="nodes.tasks.observe_due")
def observe_due() -> None:
    """Send a worker to every node whose facts are getting old. Not to those that are away: many that hang would keep
    the others of their cluster waiting, and whether they are back is asked beside (`nodes.connection.presence`)."""
    oldest = timezone.now() - timedelta(seconds=settings.PORTAL.observe)
    for node_id in nodes_to_observe(oldest, also_away=False):
        observe.apply_async(args=(node_id,))


def ask_for_facts(cluster_id: int) -> None:
    """A person wants to know: wake workers to read the facts of every node of a cluster that can be logged in to.
    Raises Refused where no worker can be told."""
    cluster_nodes = set(Node.objects.filter(cluster=cluster_id).values_list("pk", flat=True))
    LOOK_ASKED.send(sender=None, node_ids=cluster_nodes)
    for node_id in nodes_to_observe(timezone.now()):
        if node_id in cluster_nodes:
            _wake(node_id)


def observe_soon(node_id: int) -> None:
    """What is known of a node is no longer so: once the transaction is committed, wake a worker to read it anew. Where
    none can be told it is read when it is due."""
    transaction.on_commit(partial(_try_to_wake, node_id), robust=True)


def _try_to_wake(node_id: int) -> None:
    with suppress(Refused):
        _wake(node_id)


def ask_to_observe(node_id: int) -> None:
    """A person wants to know: wake a worker to read a node's facts. Raises Refused where no worker can be told."""
    LOOK_ASKED.send(sender=None, node_ids=[node_id])
    _wake(node_id)


def _wake(node_id: int) -> None:
    try:
        observe.apply_async(args=(node_id,), retry=False)
    except (OperationalError, OSError) as error:
        text = "No worker can be told now: the broker does not answer."
        raise Refused("no_broker", text, "Try again later.") from error
