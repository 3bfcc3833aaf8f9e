"""A worker process saying that it is there, for people who look at the dashboard. No work depends on it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError

from accounts.database import fault
from nodes.leases.worker import SHUTTING_DOWN, closing, worker_name
from replication.jobs.services.workers import note_worker, note_worker_gone

_LOG = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two signs of life."""


class Presence(threading.Thread):
    """Runs beside the worker's own threads until it is told to end. A database that is away is no error here."""

    def __init__(self, queues: str) -> None:
        super().__init__(name="presence", daemon=True)
        self._queues = queues

    def run(self) -> None:
        """Now, then every so often; at the end it is gone."""
        name = worker_name()
        while True:
            self._say(lambda: note_worker(name, self._queues))
            if SHUTTING_DOWN.wait(EVERY):
                break
        self._say(lambda: note_worker_gone(name))

    @staticmethod
    def _say(saying: Callable[[], None]) -> None:
        try:
            closing(saying)
        except DatabaseError as error:
            _LOG.info("the database did not take a sign of life: %s", error, exc_info=fault(error))
