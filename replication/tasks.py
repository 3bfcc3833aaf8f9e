"""What workers do when woken. The rows say what there is to do; a message is only the nudge."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from nodes.leases.worker import SHUTTING_DOWN
from nodes.vault import WrongKey
from replication.backup import old_rows, retention
from replication.clustering.services import clustering, disabling
from replication.drift.tasks import compare
from replication.jobs import driving, planning
from replication.jobs.heartbeat import Presence
from replication.jobs.services import recovery
from replication.objects import StoreError
from replication.watch import poller

__all__ = ["compare", "drive", "plan", "run_retention", "sweep", "watch"]

_LOG = logging.getLogger(__name__)


@shared_task(name="replication.tasks.plan")
def plan(job_id: int) -> None:
    """Plan one job; what it leads to is driven at once, without a second message."""
    if planning.plan_job(job_id):
        driving.drive()


@shared_task(name="replication.tasks.drive")
def drive() -> None:
    """Drive every target that can be claimed."""
    driving.drive()


@shared_task(name="replication.tasks.sweep")
def sweep() -> None:
    """Take over, wake, explain; go on with what enabling and disabling clustering began."""
    recovery.sweep()
    clustering.switch_off_what_was_missed()
    disabling.finish_disabling()


@shared_task(name="replication.tasks.watch")
def watch() -> None:
    """Look at every primary that is due."""
    poller.look_at_due()


@shared_task(name="replication.tasks.keep_house")
def run_retention() -> None:
    """Let the rows go whose time is over, then the stored content. Doing it twice, or beside running jobs, is fine."""
    old_rows.remove_old_rows()
    try:
        retention.run_retention()
    except (StoreError, WrongKey, ValueError) as error:
        _LOG.error("Nothing was removed from the object store: %s", error)


@worker_ready.connect
def _say_present(sender: Any, **_: Any) -> None:
    Presence(", ".join(sorted(sender.app.amqp.queues.consume_from))).start()


@worker_shutting_down.connect
def _stop_claiming(**_: Any) -> None:
    SHUTTING_DOWN.set()
