"""Work of this room that a worker does."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.errors import Conflict
from nodes.observe import observe_node
from nodes.selectors.nodes import nodes_to_observe


@shared_task(name="nodes.tasks.observe")
def observe(node_id: int) -> None:
    """Read a node's facts and keep them. Doing it twice is fine."""
    observe_node(node_id)


@shared_task(name="nodes.tasks.observe_due")
def observe_due() -> None:
    """Send a worker to every node whose facts are getting old; nodes that were away come back to life this way too."""
    oldest = timezone.now() - timedelta(seconds=settings.PORTAL.observe)
    for node_id in nodes_to_observe(oldest):
        observe.apply_async(args=(node_id,))


def ask_to_observe(node_id: int) -> None:
    """Wake a worker to read a node's facts. Raises Conflict where no worker can be told."""
    try:
        observe.apply_async(args=(node_id,), retry=False)
    except (OperationalError, OSError) as error:
        raise Conflict(
            "No worker can be told now: the broker does not answer. Try again later.", code="no_broker"
        ) from error
