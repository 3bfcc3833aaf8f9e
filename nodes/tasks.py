"""Work of this room that a worker does."""

from __future__ import annotations

from celery import shared_task
from kombu.exceptions import OperationalError

from accounts.errors import Conflict
from nodes.observe import observe_node


@shared_task(name="nodes.tasks.observe")
def observe(node_id: int) -> None:
    """Read a node's facts and keep them. Doing it twice is fine."""
    observe_node(node_id)


def ask_to_observe(node_id: int) -> None:
    """Wake a worker to read a node's facts. Raises Conflict where no worker can be told."""
    try:
        observe.apply_async(args=(node_id,), retry=False)
    except (OperationalError, OSError) as error:
        raise Conflict(
            "No worker can be told now: the broker does not answer. Try again later.", code="no_broker"
        ) from error
