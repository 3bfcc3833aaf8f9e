"""Drive targets: claim them in bulk, run each in a thread, keep their leases, write how they ended."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any, cast

from django.db import DatabaseError

from accounts.database import fault
from nodes.connection.connect import knock_at
from nodes.errors import Unreachable
from nodes.leases.worker import SHUTTING_DOWN, TICK, closing, worker_name
from nodes.registry.services.health import note_failure
from replication.jobs import failpoints
from replication.jobs.core.phases import Course
from replication.jobs.core.states import TargetState
from replication.jobs.error_mapping import away, ended_by_error, ended_by_outcome
from replication.jobs.kinds import Kind, kind_of, phases_of
from replication.jobs.lease import ClaimedLease, Keeper
from replication.jobs.models import Job, Target
from replication.jobs.plan_store import load_plan
from replication.jobs.runner import (
    Batch,
    LeaseLost,
    Paused,
    PhasedRunner,
    TargetOutcome,
    TargetWork,
)
from replication.jobs.services.claims import JobClaim, away_targets, claim_targets, drivable_jobs
from replication.jobs.services.outcomes import Finish, finish_targets, postpone_away
from replication.jobs.services.phase_ends import in_phases
from replication.jobs.width import LISTED, at_once

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


THREADS = 1000
"""No limit that anybody meets: each cluster has one of its own, and whoever knocks waits for some seconds only."""

_WOKEN = threading.Event()


def wake() -> None:
    """Have a drive that is under way in this process look at once for more to claim."""
    _WOKEN.set()


def drive() -> int:
    """Drive every target that can be claimed until there is none. Answers how many tries were made."""
    with ThreadPoolExecutor(THREADS, "drive") as pool:
        return Driver(pool).run()


class Driver:
    """One drive: of each cluster up to `PORTAL.target_workers` targets at once, their leases kept by the calling
    thread. Targets that hang are in the way of their own cluster's only. At a node that did not answer last time
    somebody knocks first: until it answers nothing of it is claimed, no worker waits for it, and its job holds no
    resource."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._knocks: dict[Future[None], Target] = {}
        self._answered: set[int] = set()
        self._keeper = Keeper()
        self._running: dict[Future[TargetOutcome], _Running] = {}
        self._tries = 0
        self._more = False
        self._look_at = 0.0
        self._again_until = 0.0

    def run(self) -> int:
        """Until nothing is running and nothing can be claimed. Answers how many tries were made."""
        self._fill()
        while self._running or (self._expects_more() and not SHUTTING_DOWN.is_set()):
            if self._running or self._knocks:
                work: list[Future[Any]] = [*self._running, *self._knocks]
                done, _ = wait(work, TICK, FIRST_COMPLETED)
                self._reap(self._running.keys() & done)
                self._hear(self._knocks.keys() & done)
            else:
                time.sleep(TICK)
            self._keeper.tick()
            self._fill()
        return self._tries

    def _expects_more(self) -> bool:
        return bool(self._knocks) or time.monotonic() < self._again_until

    def _fill(self) -> None:
        if SHUTTING_DOWN.is_set() or not (_WOKEN.is_set() or time.monotonic() >= self._look_at):
            return
        _WOKEN.clear()
        busy, full = Counter(running.job.cluster_id for running in self._running.values()), False
        try:
            self._knock()
            for job in drivable_jobs(self._answered):
                width = _width(job)
                free = width - busy[job.cluster_id]
                if free > 0:
                    busy[job.cluster_id] += self._claim(job, free)
                full = full or busy[job.cluster_id] >= width
        except DatabaseError as error:
            _LOG.warning("nothing can be claimed: %s", error, exc_info=fault(error))
        self._more = full
        self._look_at = time.monotonic() + LOOK_EVERY

    def _claim(self, job: Job, limit: int) -> int:
        kind = kind_of(job.kind)
        if kind is None:
            return 0
        claims = claim_targets(job, limit, owner=worker_name(), resources=kind.resources(job), answered=self._answered)
        if claims:
            failpoints.reached("targets-claimed")
        batch = Batch(job, [target.node for _, target in claims])
        for claim, target in claims:
            self._answered.discard(target.node_id)
            self._start(kind, job, claim, target, batch)
        return len(claims)

    def _knock(self) -> None:
        asked = self._answered | {target.node_id for target in self._knocks.values()}
        for target in away_targets():
            if target.node_id not in asked:
                asked.add(target.node_id)
                self._knocks[self._pool.submit(knock_at, target.node)] = target

    def _hear(self, done: Iterable[Future[None]]) -> None:
        for future in done:
            target, error = self._knocks.pop(future), future.exception()
            if isinstance(error, Unreachable):
                self._put_off(target, error)
            else:  # whatever else it is, the try that follows says it better
                self._answered.add(target.node_id)
                self._look_at = 0.0

    @staticmethod
    def _put_off(target: Target, error: Unreachable) -> None:
        try:
            note_failure(target.node, error)
            postpone_away(target, away(str(error), target.attempt + 1))
        except DatabaseError as fault_:
            _LOG.warning("%s could not be put off: %s", target, fault_, exc_info=fault(fault_))

    def _start(self, kind: Kind, job: Job, claim: JobClaim, target: Target, batch: Batch) -> None:
        target.job = job  # at hand for whoever writes how it ended
        lease = ClaimedLease(claim, node_id=target.node_id)
        self._keeper.add(lease)
        future = self._pool.submit(closing, lambda: _work(kind, job, target, lease, batch))
        self._running[future] = _Running(job, target, lease)
        self._tries += 1

    def _reap(self, done: Iterable[Future[TargetOutcome]]) -> None:
        """Take in who is through, and write how they ended in one transaction."""
        ended = [(future, self._running.pop(future)) for future in done]
        for _, running in ended:
            self._keeper.remove(running.lease)
        finishes = [finish for future, running in ended if (finish := _finish(future, running))]
        failed = [_failed(finish, trouble) for finish, trouble in self._write(finishes) if trouble]
        self._write([finish for finish in failed if finish])
        if self._more or not self._running:
            self._look_at = 0.0

    def _write(self, finishes: list[Finish]) -> list[tuple[Finish, Exception | None]]:
        if not finishes:
            return []
        try:
            written = list(zip(finishes, finish_targets(finishes), strict=True))
        except DatabaseError as error:
            text = "%s outcomes could not be written (%s); they will be run again"
            _LOG.warning(text, len(finishes), error, exc_info=fault(error))
            return []
        failpoints.reached("outcomes-written")
        for finish, trouble in written:
            delay = finish.ended.delay
            if trouble is None and finish.ended.state == TargetState.PENDING and delay is not None and delay <= SOON:
                self._again_until = max(self._again_until, time.monotonic() + delay + LOOK_EVERY + TICK)
        return written


def _width(job: Job) -> int:
    """How many targets of a job are worked on at once, which may each be listed once more."""
    steps = job.plan_summary.get("changes", 0) / max(job.plan_summary.get("nodes", 0), 1)
    return at_once(steps + LISTED * job.plan_summary.get("files", 0))


def _finish(future: Future[TargetOutcome], running: _Running) -> Finish | None:
    """What to write of a worker that is through; None where its lease is lost, because then nothing is."""
    error, target, lease = future.exception(), running.target, running.lease
    if isinstance(error, LeaseLost):
        _LOG.warning("%s: %s; this worker leaves it", target, error)
        return None
    record = None
    if error is None:
        outcome = future.result()
        ended, record = ended_by_outcome(outcome, target), outcome.record
    else:
        ended = ended_by_error(error, target)
    ended = replace(in_phases(phases_of(running.job.kind), target, ended), progress=lease.counters())
    return Finish(lease.claim, target, ended, lease.remaining_lines(), record)


def _failed(finish: Finish, trouble: Exception) -> Finish | None:
    """What to write instead where the runner's `record` failed; None where another worker took over."""
    if isinstance(trouble, LeaseLost):
        _LOG.warning("%s was taken over; this worker's outcome is void", finish.target)
        return None
    phases = phases_of(finish.target.job.kind)
    ended = in_phases(phases, finish.target, ended_by_error(trouble, finish.target))
    ended = replace(ended, progress=finish.ended.progress)
    return replace(finish, ended=ended, record=None)


def _work(kind: Kind, job: Job, target: Target, lease: ClaimedLease, batch: Batch | None = None) -> TargetOutcome:
    """In a thread of the pool: the runner's part."""
    node = target.node
    if node.paused:
        raise Paused(f"node {node.name} is paused", node=True)
    phase = kind.phases[min(target.stage, len(kind.phases) - 1)] if kind.phases else ""
    work = TargetWork(job, target, node, lease, load_plan(kind.codec, job.plan_object), phase, batch)
    try:
        if target.course == Course.BACK:
            return cast("PhasedRunner", kind.runner).give_back(work)
        return kind.runner.run_target(work)
    except Unreachable as error:
        # a node that counts as there would be tried again at once
        note_failure(node, error)
        raise
