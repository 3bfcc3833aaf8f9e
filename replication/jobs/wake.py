"""Messages that wake workers, sent by task name once the transaction is committed.

They carry ids only and are hints: a lost or doubled one changes nothing, because the sweep looks at the rows. So a
broker that is down never fails a request.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

_LOG = logging.getLogger(__name__)

PLAN = "replication.tasks.plan"
DRIVE = "replication.tasks.drive"
WATCH = "replication.tasks.watch"
COMPARE = "replication.tasks.compare"

STALE = 300.0
"""Seconds after which a message nobody took is dropped; sweeps have long sent others."""


def plan(job_id: int) -> None:
    """Wake a worker to plan a job."""
    transaction.on_commit(lambda: _send(PLAN, job_id), robust=True)


def drive() -> None:
    """Wake a worker to drive whatever targets can be claimed."""
    transaction.on_commit(lambda: _send(DRIVE), robust=True)


def watch() -> None:
    """Wake a worker to look at the primaries that are due."""
    transaction.on_commit(lambda: _send(WATCH), robust=True)


def compare(node_ids: Collection[int]) -> None:
    """Wake a worker to look at secondaries, at these even if they were to be left alone for a while."""
    transaction.on_commit(lambda: _send(COMPARE, *node_ids), robust=True)


def _send(name: str, *args: int) -> None:
    try:
        current_app.send_task(name, args=args, retry=False, ignore_result=True, expires=STALE)
    except (OperationalError, OSError) as error:
        _LOG.warning("the broker is away (%s); the sweep will wake %s", type(error).__name__, name)
