"""What workers do to know who is there."""

from __future__ import annotations

from celery import shared_task

from nodes.connection.presence import ask_all


@shared_task(name="nodes.tasks.reach")
def reach() -> None:
    """Ask every node whether it is there. Doing it twice is fine. In the queue `default`, so that jobs on nodes that
    hang do not keep it waiting."""
    ask_all()
