"""The one shape of every kind of job: plan -> approve if asked -> run targets -> prove -> settle.

A kind registers itself with its `Runner` (`services.kinds`). The engine (`planning`, `driving`) claims rows, calls the
runner without any transaction open, and writes the outcome under the claim's fence.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

from nodes.leases.errors import Interrupted, LeaseLost
from nodes.registry.models import Node
from replication.files.work_context import WorkContext
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.states import TargetState
from replication.jobs.interruptions import Cancelled, Paused, WritesStopped
from replication.jobs.models import Job, Target

__all__ = [
    "Batch",
    "Cancelled",
    "Interrupted",
    "JobLease",
    "LeaseLost",
    "Paused",
    "PlanOutcome",
    "PlanWork",
    "Runner",
    "TargetOutcome",
    "TargetWork",
    "WritesStopped",
]

T = TypeVar("T")


class JobLease(WorkContext, Protocol):
    """The guard of one claimed job (planning) or target (driving). One thread uses it at a time.

    It lives in memory: the engine's own thread renews what made progress and looks for cancel, pause and "stop all
    writes" about twice a second, so none of these calls but `transaction` waits for the database.
    """

    @property
    def fence(self) -> int:
        """Grows with every claim of the row; a write that carries an older one is void."""
        ...

    def check(self) -> None:
        """Call before every single change on a node, and between steps that only read.

        Raises LeaseLost one operation time-out before the lease could end by this process' own clock; Cancelled;
        Paused; and, for a target, WritesStopped. Counts as a sign of life.
        """
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """A database transaction that holds the claimed row: `with lease.transaction(): Conflict.objects.create(...)`.
        Raises LeaseLost, and writes nothing, where the claim is no longer ours. Short; no network call inside."""
        ...


@dataclass(frozen=True, slots=True)
class PlanWork:
    """What a runner plans from. `overrides`: codes of brakes that an administrator overrode for this job and that still
    hold; the engine halts on every other brake in the plan. `job.node_ids` empty: all nodes."""

    job: Job
    lease: JobLease
    overrides: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PlanOutcome:
    """What planning came to. Exactly one of: a plan; `error` with `retry_after` (seconds; the primary is away for the
    moment); `error` alone (the job fails).

    `targets`: node ids to be driven, each in the plan; none: nothing to do, the job succeeds. `record` runs inside
    the transaction that writes the outcome, after the fence was checked.
    """

    plan: Plan | None = None
    snapshot_id: int | None = None
    targets: tuple[int, ...] = ()
    needs_approval: bool = False
    retry_after: float | None = None
    error_code: str = ""
    error: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)
    record: Callable[[], None] | None = None


class Batch:
    """The nodes of a job that one worker claimed together. Safe for their threads."""

    def __init__(self, job: Job, nodes: Sequence[Node]) -> None:
        self._job, self._nodes = job, nodes
        self._lock = threading.Lock()
        self._read: dict[object, object] = {}

    def shared(self, read: Callable[[Job, Sequence[Node]], T]) -> T:
        """What `read` answers for all of these nodes, read once, for whoever asks first."""
        with self._lock:
            if read not in self._read:
                self._read[read] = read(self._job, self._nodes)
            return cast("T", self._read[read])


@dataclass(frozen=True, slots=True)
class TargetWork:
    """One node's part. `plan` is the job's whole plan, as approved, shared by all its targets. `phase`: the one to be
    done, or to be given back from; "" where the kind has none. `batch`: those claimed with it; None: it was alone."""

    job: Job
    target: Target
    node: Node
    lease: JobLease
    plan: Plan
    phase: str = ""
    batch: Batch | None = None

    def shared(self, read: Callable[[Job, Sequence[Node]], T]) -> T:
        """What `read` answers for all nodes that were claimed together: what one query tells of many is asked once. It
        is as old as the claim. What `read` raises passes, and the next who asks has it read again."""
        batch = self.batch or Batch(self.job, [self.node])
        return batch.shared(read)

    @property
    def node_plan(self) -> NodePlan:
        """This node's part of the plan; an empty one where the plan does not name it."""
        for part in self.plan.nodes:
            if part.node_id == self.node.pk:
                return part
        return NodePlan(self.node.pk, self.node.name)


@dataclass(frozen=True, slots=True)
class TargetOutcome:
    """How one target ended, with the evidence that proves it (JSON values). WAITING: it will be tried again, after
    `retry_after` seconds or by the engine's own back-off. `record` (the new baseline) runs inside the transaction that
    writes this outcome, after the fence was checked, so it is written exactly when the outcome is; a `BatchRecord` with
    those of other targets that end at once."""

    state: TargetState
    evidence: Mapping[str, Any] = field(default_factory=dict)
    error_code: str = ""
    error: str = ""
    retry_after: float | None = None
    record: Callable[[], None] | None = None


class Runner(Protocol):
    """One kind of job. Stateless: two workers may use it at once. Any NodeError may pass out of `plan` and
    `run_target`: the engine retries what `retryable` says and fails the rest with the error's code and sentence, as it
    does with Refused."""

    def plan(self, work: PlanWork) -> PlanOutcome:
        """Find out what is to be done. Changes nothing on any node."""
        ...

    def run_target(self, work: TargetWork) -> TargetOutcome:
        """Do one node's part and prove it. Idempotent: after a death it is simply called again."""
        ...


class PhasedRunner(Runner, Protocol):
    """A kind with phases: `run_target` does the phase `work.phase` of one node, once all nodes are through the one
    before. Where one fails or the job is cancelled, whatever a node did in any phase is given back."""

    def give_back(self, work: TargetWork) -> TargetOutcome:
        """Make the node what it was before the job, and prove it: VERIFIED. `work.phase` may be half done, or not
        begun. Idempotent: after a death it is simply called again. What is so already counts as given back."""
        ...
