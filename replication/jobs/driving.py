"""Drive targets: claim them in bulk, run each in a thread, keep their leases, write how they ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import DatabaseError

from replication.core.states import TargetState
from replication.jobs import runner_for
from replication.jobs.base import LeaseLost, Paused, Runner, TargetOutcome, TargetWork
from replication.jobs.lease import ClaimedLease, Keeper
from replication.jobs.verdicts import ended_by_error, ended_by_outcome
from replication.jobs.worker import SHUTTING_DOWN, TICK, closing, worker_name
from replication.models import Job, Target
from replication.plans import load_plan
from replication.services.claims import Claim, claim_targets, drivable_jobs
from replication.services.outcomes import Ended, Record, finish_target

_LOG = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks for more to claim while all that was claimed is still running."""

SOON = 2.0
"""A target that will be tried again within so many seconds is waited for."""


@dataclass(frozen=True, slots=True)
class _Running:
    job: Job
    target: Target
    lease: ClaimedLease


def drive() -> int:
    """Drive every target that can be claimed until there is none. Answers how many tries were made."""
    with ThreadPoolExecutor(settings.PORTAL.target_workers, "drive") as pool:
        return Driver(pool).run()


class Driver:
    """One drive: up to `PORTAL.target_workers` targets at once, their leases kept by the calling thread."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._keeper = Keeper()
        self._running: dict[Future[TargetOutcome], _Running] = {}
        self._tries = 0
        self._look_at = 0.0
        self._again_until = 0.0

    def run(self) -> int:
        """Until nothing is running and nothing can be claimed. Answers how many tries were made."""
        self._fill()
        while self._running or time.monotonic() < self._again_until:
            if self._running:
                done, _ = wait(self._running, TICK, FIRST_COMPLETED)
                self._reap(done)
            else:
                time.sleep(TICK)
            self._keeper.tick()
            self._fill()
        return self._tries

    def _fill(self) -> None:
        free = settings.PORTAL.target_workers - len(self._running)
        if free <= 0 or time.monotonic() < self._look_at or SHUTTING_DOWN.is_set():
            return
        try:
            for job in drivable_jobs():
                free -= self._claim(job, free)
                if free <= 0:
                    return
        except DatabaseError as error:
            _LOG.warning("nothing can be claimed: the database is away (%s)", error)
        self._look_at = time.monotonic() + LOOK_EVERY

    def _claim(self, job: Job, limit: int) -> int:
        runner = runner_for(job.kind)
        if runner is None:
            return 0
        claims = claim_targets(job, limit, owner=worker_name(), resources=runner.resources(job))
        for claim, target in claims:
            self._start(runner, job, claim, target)
        return len(claims)

    def _start(self, runner: Runner, job: Job, claim: Claim, target: Target) -> None:
        lease = ClaimedLease(claim, node_id=target.node_id)
        self._keeper.add(lease)
        future = self._pool.submit(closing, lambda: _work(runner, job, target, lease))
        self._running[future] = _Running(job, target, lease)
        self._tries += 1

    def _reap(self, done: Iterable[Future[TargetOutcome]]) -> None:
        for future in done:
            running = self._running.pop(future)
            self._keeper.remove(running.lease)
            self._look_at = 0.0
            try:
                self._finish(future, running)
            except LeaseLost:
                _LOG.warning("%s was taken over; this worker's outcome is void", running.target)
            except DatabaseError as error:
                _LOG.warning("%s: the outcome could not be written (%s); it will be run again", running.target, error)

    def _finish(self, future: Future[TargetOutcome], running: _Running) -> None:
        error = future.exception()
        if isinstance(error, LeaseLost):
            raise error
        if error is None:
            error = self._write_outcome(future.result(), running)
        if error is not None:
            self._write(ended_by_error(error, running.target), running)

    def _write_outcome(self, outcome: TargetOutcome, running: _Running) -> Exception | None:
        """Write what the runner said. Answers what its `record` raised, so that a fault there fails one target only."""
        try:
            self._write(ended_by_outcome(outcome, running.target), running, outcome.record)
        except (LeaseLost, DatabaseError):
            raise
        except Exception as error:  # noqa: BLE001 - the runner's own code; logged and written by the caller
            return error
        return None

    def _write(self, ended: Ended, running: _Running, record: Record | None = None) -> None:
        ended = replace(ended, progress=running.lease.counters())
        lines = running.lease.remaining_lines()
        finish_target(running.lease.claim, running.target, ended, lines=lines, record=record)
        if ended.state == TargetState.PENDING and ended.delay is not None and ended.delay <= SOON:
            self._again_until = max(self._again_until, time.monotonic() + ended.delay + LOOK_EVERY + TICK)


def _work(runner: Runner, job: Job, target: Target, lease: ClaimedLease) -> TargetOutcome:
    """In a thread of the pool: the runner's part."""
    node = target.node
    if node.paused:
        raise Paused(f"node {node.name} is paused", node=True)
    return runner.run_target(TargetWork(job, target, node, lease, load_plan(job.plan_object)))
