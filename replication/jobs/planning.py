"""Plan one job: claim it, let its runner look, store the plan, and say what follows from it."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from django.db import DatabaseError, IntegrityError

from accounts.database import fault, is_away
from accounts.errors import Refused
from nodes.counted import many
from nodes.errors import NodeError
from nodes.leases.worker import closing, worker_name
from replication.jobs import failpoints
from replication.jobs.core.plan import Brake, Plan
from replication.jobs.core.plan_text import Numbers, PlanText, numbers_each
from replication.jobs.core.states import JobState
from replication.jobs.error_mapping import GETS_NOWHERE, away
from replication.jobs.kinds import Kind, kind_of
from replication.jobs.lease import ClaimedLease, Keeper
from replication.jobs.models import Job
from replication.jobs.plan_store import StoredPlan, store_plan
from replication.jobs.runner import (
    Cancelled,
    Interrupted,
    LeaseLost,
    PlanOutcome,
    PlanWork,
    Runner,
)
from replication.jobs.services import outcomes
from replication.jobs.services.backoff import QUICK_TRIES, short_wait, wait_after
from replication.jobs.services.claims import claim_job
from replication.jobs.services.outcomes import Ended, PlanResult
from replication.jobs.services.overrides import overridden
from replication.objects import ObjectLost, StoreError

_LOG = logging.getLogger(__name__)

INTERNAL = "The portal failed while planning. Its log says why."


def cluster_to_plan(job_id: int) -> int | None:
    """The cluster of a job that waits to be planned; None for any other."""
    return Job.objects.filter(pk=job_id, state=JobState.REQUESTED).values_list("cluster", flat=True).first()


def plan_job(job_id: int) -> bool:
    """Plan a job if it is requested, due and free. Answers whether this worker was the one to do it."""
    job = Job.objects.filter(pk=job_id, state=JobState.REQUESTED).first()
    if job is None:
        return False
    kind = kind_of(job.kind)
    if kind is None:
        _LOG.error("job #%s is of the kind %s, which this worker does not know", job_id, job.kind)
        return False
    claim = claim_job(job_id, owner=worker_name(), resources=kind.resources(job))
    if claim is None:
        return False
    failpoints.reached("plan-claimed")
    job = Job.objects.select_related("cluster").get(pk=job_id)
    lease = ClaimedLease(claim)
    try:
        _write(kind, job, lease, _attended(kind.runner, PlanWork(job, lease, overridden(job)), lease))
    except LeaseLost:
        _LOG.warning("job #%s was taken over while it was being planned", job_id)
    except DatabaseError as error:
        text = "job #%s: the plan could not be written (%s); the sweep will have it planned again"
        _LOG.warning(text, job_id, error, exc_info=fault(error))
    return True


def _attended(runner: Runner, work: PlanWork, lease: ClaimedLease) -> Future[PlanOutcome]:
    """Run the runner in a thread of its own while this one keeps its lease."""
    keeper = Keeper()
    keeper.add(lease)
    with ThreadPoolExecutor(1, "plan") as pool:
        future = pool.submit(closing, lambda: runner.plan(work))
        keeper.attend([future])
    return future


def _write(kind: Kind, job: Job, lease: ClaimedLease, future: Future[PlanOutcome]) -> None:
    error = future.exception()
    if error is None:
        _write_outcome(kind, job, lease, future.result())
    elif isinstance(error, LeaseLost):
        raise error
    elif isinstance(error, Cancelled):
        outcomes.cancel_planning(lease.claim)
    elif isinstance(error, Interrupted):
        outcomes.requeue_planning(lease.claim, str(error))
    else:
        _write_outcome(kind, job, lease, _failure(job, error))


def _failure(job: Job, error: BaseException) -> PlanOutcome:
    if isinstance(error, Refused):
        return PlanOutcome(error_code=error.code, error=error.detail)
    if isinstance(error, NodeError):
        retry = wait_after(job.attempt) if error.retryable else None
        return PlanOutcome(error_code=error.code, error=str(error), retry_after=retry)
    if isinstance(error, StoreError):
        return _store_failure(job, error)
    if is_away(error) or isinstance(error, IntegrityError):
        _LOG.warning("planning job #%s: the database did not take it: %s", job.pk, error, exc_info=fault(error))
        text = "The portal's database was out of reach."
        return PlanOutcome(error_code="database_away", error=text, retry_after=wait_after(job.attempt))
    _LOG.error("planning job #%s failed", job.pk, exc_info=error)
    return PlanOutcome(error_code="internal_error", error=INTERNAL)


def _store_failure(job: Job, error: StoreError) -> PlanOutcome:
    """What was lost is looked at anew: the next try no longer takes it for known."""
    again = isinstance(error, ObjectLost) and job.attempt < QUICK_TRIES
    return PlanOutcome(error_code=error.code, error=str(error), retry_after=short_wait() if again else None)


def _write_outcome(kind: Kind, job: Job, lease: ClaimedLease, outcome: PlanOutcome) -> None:
    lines = lease.remaining_lines()
    if outcome.plan is not None:
        stored = store_plan(kind.codec, outcome.plan)
        failpoints.reached("plan-stored")
        planned = replace(_follows(kind, job, outcome, outcome.plan, stored), phases=lease.phases())
        outcomes.finish_planning(lease.claim, planned, lines=lines, record=outcome.record)
        failpoints.reached("plan-written")
    elif outcome.retry_after is not None:
        outcomes.postpone_planning(
            lease.claim,
            delay=outcome.retry_after,
            error_code=outcome.error_code,
            error=outcome.error,
            lines=lines,
        )
    else:
        code, error = outcome.error_code or "no_plan", outcome.error or "Planning came to nothing."
        outcomes.fail_planning(lease.claim, error_code=code, error=error, lines=lines)


def _follows(kind: Kind, job: Job, outcome: PlanOutcome, plan: Plan, stored: StoredPlan) -> PlanResult:
    brakes = [brake for brake in plan.brakes if brake.code not in overridden(job)]
    state, sentence = _next_state(job, kind.text.noun, outcome, plan, brakes)
    halted, begins = state == JobState.HALTED, state in (JobState.RUNNING, JobState.AWAITING_APPROVAL)
    ids = [part.node_id for part in plan.nodes]
    sizes = dict(zip(ids, numbers_each(kind.text, plan.nodes), strict=True))
    return PlanResult(
        state,
        sizes={pk: sizes[pk] for pk in outcome.targets} if begins else {},
        sentence=sentence,
        plan_object=stored.object_id,
        plan_digest=stored.digest,
        summary={**_summary(kind.text, plan, brakes, sum(sizes.values(), Numbers())), **outcome.summary},
        snapshot_id=outcome.snapshot_id,
        error_code=brakes[0].code if halted else "",
        error=sentence if halted else "",
        away={} if kind.phases else _away(plan, state),
    )


def _away(plan: Plan, state: JobState) -> dict[int, Ended]:
    """The nodes that did not even answer, or got nowhere: tried a while later, or when a person approves the plan, and
    nothing is held for them until then."""
    codes = {error.code for error in GETS_NOWHERE}
    found = {part.node_id: away(part.away, 1, part.away_code) for part in plan.nodes if part.away_code in codes}
    if state == JobState.RUNNING:
        return found
    return {node_id: replace(ended, delay=None, phase=ended.error) for node_id, ended in found.items()}


def _next_state(job: Job, noun: str, outcome: PlanOutcome, plan: Plan, brakes: list[Brake]) -> tuple[JobState, str]:
    size = f"{many(plan.step_count, noun)} on {many(len(outcome.targets), 'node')}"
    size += f", {plan.away_count} of them not looked at" if plan.away_count else ""
    if job.dry_run:
        return JobState.SUCCEEDED, f"Planned without changing anything: {size}."
    if brakes:
        return JobState.HALTED, " ".join(f"{brake.evidence} {brake.remedy}".strip() for brake in brakes)
    if not outcome.targets:
        return JobState.SUCCEEDED, "Nothing to do."
    if outcome.needs_approval:
        return JobState.AWAITING_APPROVAL, f"Planned {size}; somebody must approve it."
    return JobState.RUNNING, f"Planned {size}."


def _summary(text: PlanText, plan: Plan, brakes: list[Brake], numbers: Numbers) -> dict[str, object]:
    return {
        "changes": plan.step_count,
        "bytes": numbers.bytes,
        "nodes": len(plan.nodes),
        "problems": len(plan.problems) + sum(len(node.problems) for node in plan.nodes),
        "unclassified": len(text.plan(plan).unclassified),
        "conflicts": numbers.conflicts,
        "brakes": [
            {"code": brake.code, "node": brake.node_name, "evidence": brake.evidence, "remedy": brake.remedy}
            for brake in brakes
        ],
    }
