"""What workers do when woken. The rows say what there is to do; a message is only the nudge."""

from __future__ import annotations

import itertools
import logging
from functools import partial
from typing import Any

from celery import shared_task
from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from django.utils import timezone

from accounts import chain
from accounts.sessions import clear_ended_sessions
from nodes.discovery.tasks import sweep_searches
from nodes.leases.crew import CREW, Lane
from nodes.leases.worker import SHUTTING_DOWN
from nodes.vault import WrongKey
from replication.backup import old_rows, retention
from replication.clustering.services import clustering, disabling
from replication.drift.tasks import compare
from replication.jobs import driving, planning
from replication.jobs.heartbeat import Presence
from replication.jobs.services import recovery
from replication.objects import StoreError
from replication.shared_paths.services.moving_messages import move_what_was_left
from replication.shared_paths.services.sweeping_tests import sweep_what_tests_left
from replication.shared_paths.tasks import find_keys, sweep_key_searches
from replication.watch import verifying, watching

__all__ = ["compare", "drive", "find_keys", "plan", "run_retention", "sweep", "verify", "watch"]

_LOG = logging.getLogger(__name__)

REMOTE = "remote"
"""The queue of those that reach the nodes; they watch, too."""

MISSED_EVERY = 6
"""In one of so many sweeps of a worker it is read, from what is known of the nodes, what enabling clustering missed,
and what was left in queues."""
_SWEEPS = itertools.count()

PLANS_AT_ONCE = 4
"""Jobs of one cluster that are planned at once: one that is to change anything, and those that only look."""

DRIVING = Lane("drive", 0, 1)

GIVING_BACK = 5.0
"""Seconds that a worker which ends waits at most until the watches it held are given back."""


@shared_task(name="replication.tasks.plan")
def plan(job_id: int) -> None:
    """Plan one job; what it leads to is driven at once, without a second message."""
    cluster_id = planning.cluster_to_plan(job_id)
    if cluster_id is not None:
        CREW.do(Lane("plan", cluster_id, PLANS_AT_ONCE), job_id, partial(_plan, job_id))


def _plan(job_id: int) -> None:
    if planning.plan_job(job_id):
        drive()


@shared_task(name="replication.tasks.drive")
def drive() -> None:
    """Drive every target that can be claimed. One drive at a time does it for all clusters of this process."""
    driving.wake()
    CREW.do(DRIVING, 0, driving.drive)


@shared_task(name="replication.tasks.sweep")
def sweep() -> None:
    """Take over, wake, explain, searches as well; go on with what enabling and disabling clustering began, and what
    applying shared paths, and share tests, left behind; link what was audited since the last sweep."""
    recovery.sweep()
    sweep_searches()
    sweep_key_searches()
    if next(_SWEEPS) % MISSED_EVERY == 0:
        clustering.switch_off_what_was_missed()
        move_what_was_left()
        sweep_what_tests_left()
    disabling.finish_disabling()
    chain.link_events()


@shared_task(name="replication.tasks.watch")
def watch() -> None:
    """Have this worker ask at once what is due."""
    watching.wake()


@shared_task(name="replication.tasks.verify")
def verify() -> None:
    """Have every file hashed anew where that is due. Doing it twice is fine."""
    verifying.request_due(timezone.now())


@shared_task(name="replication.tasks.keep_house")
def run_retention() -> None:
    """Let the rows go whose time is over, then the stored content. Doing it twice, or beside running jobs, is fine."""
    clear_ended_sessions()
    old_rows.remove_old_rows()
    try:
        retention.run_retention()
    except (StoreError, WrongKey, ValueError) as error:
        _LOG.error("Nothing was removed from the object store: %s", error)


_WATCHING = watching.Watching()


@worker_init.connect
def _open_crew(**_: Any) -> None:
    CREW.open()


@worker_ready.connect
def _begin(sender: Any, **_: Any) -> None:
    queues = sorted(sender.app.amqp.queues.consume_from)
    Presence(", ".join(queues)).start()
    if REMOTE in queues:
        _WATCHING.start()


@worker_shutting_down.connect
def _stop_claiming(**_: Any) -> None:
    SHUTTING_DOWN.set()
    watching.wake()


@worker_shutdown.connect
def _give_back(**_: Any) -> None:
    CREW.close()
    if _WATCHING.is_alive():
        _WATCHING.join(GIVING_BACK)
