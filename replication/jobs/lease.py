"""A claim as its worker sees it: how long it holds by this process' own clock, and what stands against going on.

`Keeper` is the other half: the thread that waits for the workers renews, in one transaction, the leases of those that
made progress, writes what they report, and looks for cancel, pause and "stop all writes". A worker that hangs is not
renewed; a worker whose process is cut off from the database runs into its own deadline.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from accounts.database import fault
from nodes.leases.errors import Interrupted, LeaseLost
from nodes.leases.worker import SHUTTING_DOWN
from replication.jobs import failpoints
from replication.jobs.selectors.signals import Signals, read_signals
from replication.jobs.services.claims import (
    JobClaim,
    Renewal,
    holding,
    renew,
)
from replication.jobs.services.events import Line
from replication.jobs.services.interruptions import (
    Cancelled,
    Paused,
    WorkerEnding,
    WritesStopped,
)

_LOG = logging.getLogger(__name__)

LOOK_EVERY = 0.5
"""Seconds between two looks for cancel, pause and stop."""

REPORT_EVERY = 1.0
"""Seconds between two writes of progress and log lines, so that pages follow."""


class ClaimedLease:
    """`jobs.base.Lease` for a claim. `node_id` None: planning, which writes to no node."""

    def __init__(self, claim: JobClaim, *, node_id: int | None = None) -> None:
        self.claim = claim
        self.node_id = node_id
        self._lock = threading.Lock()
        self._expires = claim.expires
        self._renewed = time.monotonic()
        self._reported = self._renewed
        self._alive = False
        self._stop: Interrupted | None = None
        self._columns: dict[str, Any] = {"files_done": 0, "bytes_done": 0}
        self._dirty = False
        self._lines: list[Line] = []

    @property
    def fence(self) -> int:
        """The claim's fence."""
        return self.claim.fence

    def check(self) -> None:
        """Raise what stands against the next change; see `jobs.base.Lease`."""
        with self._lock:
            if time.monotonic() >= self._expires - settings.PORTAL.operation:
                raise LeaseLost("the lease could end before the next act on the node does")
            if self._stop is not None:
                raise self._stop
            self._alive = True

    def progress(
        self,
        *,
        files: int = 0,
        bytes: int = 0,
        phase: str | None = None,
        files_total: int | None = None,
        bytes_total: int | None = None,
    ) -> None:
        """Add to the counters; see `jobs.base.Lease`."""
        with self._lock:
            self._alive = self._dirty = True
            self._columns["files_done"] += files
            self._columns["bytes_done"] += bytes
            if phase:
                self._columns["phase"] = phase[:80]
            if files_total is not None:
                self._columns["files_total"] = files_total
            if bytes_total is not None:
                self._columns["bytes_total"] = bytes_total

    def event(self, level: str, code: str, text: str, data: Mapping[str, Any] | None = None) -> None:
        """Keep a line until the next write; see `jobs.base.Lease`."""
        with self._lock:
            self._lines.append(Line(code, text, level, dict(data or {})))

    def boundary(self, name: str) -> None:
        """A sign of life, and where tests look on."""
        with self._lock:
            self._alive = True
        failpoints.reached(name)

    def transaction(self) -> AbstractContextManager[None]:
        """A transaction that holds the claim."""
        return holding(self.claim)

    def stop(self, reason: Interrupted | None) -> None:
        """Let the next check raise `reason`; None: nothing stands against going on any more. A lost lease stays
        lost."""
        with self._lock:
            if not isinstance(self._stop, LeaseLost):
                self._stop = reason

    def renewal(self) -> Renewal | None:
        """What to write now: if alive and due, or if there is something to report. None: nothing."""
        moment = time.monotonic()
        with self._lock:
            due = self._alive and moment - self._renewed >= settings.PORTAL.renew
            report = (self._dirty or self._lines) and self._alive and moment - self._reported >= REPORT_EVERY
            if not due and not report:
                return None
            self._reported = moment
            self._alive = self._dirty = False
            lines, self._lines = tuple(self._lines), []
            return Renewal(self.claim, dict(self._columns), lines)

    def renewed(self, expires: float | None, unwritten: tuple[Line, ...] = ()) -> None:
        """Take in what came of a renewal; None: it could not be written, and its lines are kept for the next one."""
        with self._lock:
            if expires is None:
                self._lines[:0] = unwritten
                self._alive = self._dirty = True
                return
            self._renewed = time.monotonic()
            self._expires = expires

    def remaining_lines(self) -> tuple[Line, ...]:
        """The lines not yet written, to be written with the outcome."""
        with self._lock:
            lines, self._lines = tuple(self._lines), []
            return lines

    def counters(self) -> dict[str, Any]:
        """The progress columns as they stand."""
        with self._lock:
            return {name: value for name, value in self._columns.items() if name != "phase"}


class Keeper:
    """Keeps the leases of one process' thread of work. Call `tick` at least every half second while workers run."""

    def __init__(self) -> None:
        self._leases: dict[tuple[int, int], ClaimedLease] = {}
        self._looked = 0.0

    def add(self, lease: ClaimedLease) -> None:
        """Keep one more."""
        self._leases[lease.claim.key] = lease

    def remove(self, lease: ClaimedLease) -> None:
        """Its worker is through."""
        self._leases.pop(lease.claim.key, None)

    def tick(self) -> None:
        """Look and renew, as far as it is time. A database that is away is logged; the leases then run out by
        themselves."""
        try:
            if time.monotonic() - self._looked >= LOOK_EVERY:
                self._look()
            self._renew()
        except DatabaseError as error:
            _LOG.warning("leases could not be renewed: %s", error, exc_info=fault(error))
            close_old_connections()

    def _look(self) -> None:
        leases = list(self._leases.values())
        nodes = {lease.node_id for lease in leases if lease.node_id is not None}
        signals = read_signals({lease.claim.job_id for lease in leases}, nodes)
        for lease in leases:
            lease.stop(_against(signals, lease))
        self._looked = time.monotonic()

    def _renew(self) -> None:
        due = [(lease, renewal) for lease in self._leases.values() if (renewal := lease.renewal())]
        if not due:
            return
        try:
            held = renew([renewal for _, renewal in due])
        except DatabaseError:
            for lease, renewal in due:
                lease.renewed(None, renewal.lines)
            raise
        for lease, _ in due:
            if (expires := held.get(lease.claim.key)) is None:
                lease.stop(LeaseLost("another worker took over"))
            else:
                lease.renewed(expires)


def _against(signals: Signals, lease: ClaimedLease) -> Interrupted | None:
    job_id, node_id = lease.claim.job_id, lease.node_id
    if SHUTTING_DOWN.is_set():
        return WorkerEnding("its worker is ending, another one goes on")
    if job_id in signals.cancelled:
        return Cancelled(signals.cancelled[job_id])
    if node_id is not None and signals.writes_stopped:
        return WritesStopped(signals.writes_stopped)
    if job_id in signals.paused_jobs:
        return Paused(signals.paused_jobs[job_id])
    if node_id is not None and node_id in signals.paused_nodes:
        return Paused(signals.paused_nodes[node_id], node=True)
    return None
