"""The lease of a job or target: it counts progress, keeps lines of the log, and is told of cancel, pause and "stop all
writes"."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from nodes.leases.errors import Interrupted
from nodes.leases.lease import Lease, LeaseKeeper
from nodes.leases.worker import SHUTTING_DOWN
from replication.jobs import failpoints
from replication.jobs.interruptions import (
    Cancelled,
    Paused,
    WorkerEnding,
    WritesStopped,
)
from replication.jobs.models import JobEvent
from replication.jobs.selectors.signals import Signals, read_signals
from replication.jobs.services.claims import JobClaim
from replication.jobs.services.events import Line


class ClaimedLease(Lease[Line]):
    """`jobs.base.Lease` for a claim. `node_id` None: planning, which writes to no node."""

    claim: JobClaim

    def __init__(self, claim: JobClaim, *, node_id: int | None = None) -> None:
        super().__init__(claim)
        self.node_id = node_id
        self._columns = {"files_done": 0, "bytes_done": 0}
        self._phases: dict[str, float] = {}
        self._phase_began = time.monotonic()

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
        totals = {"files_total": files_total, "bytes_total": bytes_total, "phase": phase[:80] if phase else None}
        with self._lock:
            self._alive = self._dirty = True
            self._columns["files_done"] += files
            self._columns["bytes_done"] += bytes
            if bytes:
                self._columns.setdefault("sending_since", timezone.now())
            self._columns |= {name: value for name, value in totals.items() if value is not None}

    def event(self, level: str, code: str, text: str, data: Mapping[str, Any] | None = None) -> None:
        """Keep a line until the next write; see `jobs.base.Lease`."""
        self.note(Line(code, text, level, dict(data or {})))

    def row_of(self, note: Line) -> JobEvent:
        """A line of the job's log."""
        return note.row(self.claim.job_id, self.claim.target_id)

    def boundary(self, name: str) -> None:
        """A sign of life, the end of a phase of that name, and where tests look on."""
        self.sign_of_life()
        moment = time.monotonic()
        with self._lock:
            self._phases[name] = self._phases.get(name, 0.0) + moment - self._phase_began
            self._phase_began = moment
        failpoints.reached(name)

    def phases(self) -> dict[str, float]:
        """Seconds that each phase took so far, to the millisecond, by the name of its boundary; those passed more than
        once add up."""
        with self._lock:
            return {name: round(seconds, 3) for name, seconds in self._phases.items()}

    def remaining_lines(self) -> tuple[Line, ...]:
        """The lines not yet written, to be written with the outcome."""
        return self.unwritten()

    def counters(self) -> dict[str, Any]:
        """The progress columns as they stand, and the phases that are behind."""
        progress = {name: value for name, value in self.columns().items() if name != "phase"}
        return {**progress, "phases": self.phases()}


class Keeper(LeaseKeeper[ClaimedLease]):
    """Keeps the leases of jobs and targets, and sees what people and the system want of them."""

    def look(self, leases: list[ClaimedLease]) -> None:
        """Look for cancel, pause and "stop all writes"."""
        nodes = {lease.node_id for lease in leases if lease.node_id is not None}
        signals = read_signals({lease.claim.job_id for lease in leases}, nodes)
        for lease in leases:
            lease.stop(_against(signals, lease))


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
