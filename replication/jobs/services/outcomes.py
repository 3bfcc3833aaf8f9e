"""What a worker writes when it is through: with planning a job, or with one target. Every write carries the fence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from nodes.leases.claims import holding
from nodes.leases.clock import later, now
from nodes.leases.transactions import write_transaction
from replication.jobs import wake
from replication.jobs.batch_record import BatchRecord
from replication.jobs.core.phases import Course
from replication.jobs.core.plan_text import Numbers
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.models import Job, JobEvent, Target
from replication.jobs.services import events, signals_log
from replication.jobs.services.claims import JobClaim
from replication.jobs.services.events import (
    ERROR,
    INFO,
    WARNING,
    Line,
)
from replication.jobs.services.job_state import update_job_state
from replication.jobs.services.supersede import supersede
from replication.jobs.services.transitions import advance_job, advance_target

Record = Callable[[], None]


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A job's plan as stored, and what follows from it: `state` is succeeded, awaiting_approval, running or halted.
    `sizes`: what the plan has for each node, by its id; the targets' totals until they have looked themselves. `away`:
    how the try that planning was ended for nodes that did not answer; their targets begin by waiting. `phases`: the
    seconds that each phase of planning took."""

    state: JobState
    sizes: Mapping[int, Numbers]
    sentence: str
    plan_object: str
    plan_digest: str
    summary: Mapping[str, Any] = field(default_factory=dict)
    snapshot_id: int | None = None
    error_code: str = ""
    error: str = ""
    away: Mapping[int, Ended] = field(default_factory=dict)
    phases: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """How one try at a target ended. `delay`: seconds until the next one, for pending and waiting. `code` and `level`:
    of its line in the log, where they do not follow from the state; `columns`: more of the row."""

    state: TargetState
    sentence: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    error_code: str = ""
    error: str = ""
    phase: str = ""
    job_phase: str = ""
    delay: float | None = None
    progress: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    level: str = ""
    columns: Mapping[str, Any] = field(default_factory=dict)


def finish_planning(
    claim: JobClaim, planned: PlanResult, *, lines: Sequence[Line] = (), record: Record | None = None
) -> None:
    """Write a plan, its targets and the job's next state. Raises LeaseLost, having written nothing, if the claim is
    old."""
    with holding(claim):
        events.write(line.row(claim.job_id) for line in lines)
        if record:
            record()
        _begin_targets(claim.job_id, planned.sizes)
        _let_wait(claim.job_id, planned.away)
        advance_job(
            claim.job_id, planned.state, _planned_line(planned), fence=claim.fence, columns=_plan_columns(planned)
        )
        if planned.state == JobState.HALTED:
            signals_log.halted(claim.job_id, planned.error)
        if planned.state in (JobState.RUNNING, JobState.AWAITING_APPROVAL):
            supersede(claim.job_id)
        if planned.away:
            update_job_state(claim.job_id)  # all of its nodes may be away
        if planned.state == JobState.RUNNING:
            wake.drive()


def _planned_line(planned: PlanResult) -> Line:
    level = ERROR if planned.state == JobState.HALTED else INFO
    return Line(f"job.{planned.state}", planned.sentence, level, {"summary": dict(planned.summary)})


def _plan_columns(planned: PlanResult) -> dict[str, Any]:
    return {
        "plan_object": planned.plan_object,
        "plan_digest": planned.plan_digest,
        "plan_summary": dict(planned.summary),
        "snapshot_id": planned.snapshot_id,
        "planned_at": now(),
        "phases": dict(planned.phases),
        "error_code": planned.error_code,
        "error": planned.error,
    }


def _begin_targets(job_id: int, sizes: Mapping[int, Numbers]) -> None:
    """One pending target a node. A job that is planned again (after an override) begins its targets anew; the fence of
    each goes on growing, so that what an earlier worker still sends stays void."""
    old = Target.objects.filter(job=job_id)
    fences = dict(old.values_list("node", "fence"))
    gone = old.exclude(node__in=sizes)
    JobEvent.objects.filter(target__in=gone).update(target=None)  # the log outlives its target
    gone.delete()
    for node_id in fences.keys() & sizes.keys():
        old.filter(node=node_id).update(**_fresh(fences[node_id] + 1), **_totals(sizes[node_id]))
    new = [(pk, size) for pk, size in sizes.items() if pk not in fences]
    Target.objects.bulk_create([Target(job_id=job_id, node_id=pk, **_totals(size)) for pk, size in new])


def _totals(size: Numbers) -> dict[str, int]:
    return {"files_total": size.files, "bytes_total": size.bytes}


def _let_wait(job_id: int, away: Mapping[int, Ended]) -> None:
    targets = list(Target.objects.filter(job=job_id, node__in=away))
    for target in targets:
        ended = away[target.node_id]
        Target.objects.filter(pk=target.pk).update(state=ended.state, **columns_of(ended))
    events.write(line_of(away[target.node_id]).row(job_id, target.pk) for target in targets)


def postpone_away(target: Target, ended: Ended) -> None:
    """Put off the next try at a waiting target whose node still does not answer; nobody holds it meanwhile. What
    became something else since it was read stays as it is."""
    with write_transaction():
        same = Target.objects.filter(pk=target.pk, fence=target.fence, attempt=target.attempt)
        same.filter(state=TargetState.WAITING).update(attempt=target.attempt + 1, **columns_of(ended))


def _fresh(fence: int) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "attempt": 0,
        "not_before": None,
        "started_at": None,
        "ended_at": None,
        "evidence": {},
        "files_done": 0,
        "bytes_done": 0,
        "phases": {},
        "ran": timedelta(),
        "fence": fence,
        "course": Course.FORWARD,
        "stage": 0,
    }
    return {**empty, "state": TargetState.PENDING, "error_code": "", "error": "", "phase": "", "owner": ""}


def postpone_planning(
    claim: JobClaim, *, delay: float, error_code: str, error: str, lines: Sequence[Line] = ()
) -> None:
    """Give a job back to be planned later, because its primary is away for the moment. Raises LeaseLost."""
    with holding(claim):
        events.write(line.row(claim.job_id) for line in lines)
        advance_job(
            claim.job_id,
            JobState.REQUESTED,
            Line("job.postponed", f"Planning is tried again in {delay:.0f} s. {error}", WARNING),
            fence=claim.fence,
            columns={
                "not_before": later(delay),
                "error_code": error_code,
                "error": error,
                "phase": f"waits: {error}"[:80],
            },
        )


def requeue_planning(claim: JobClaim, sentence: str) -> None:
    """Give a job back untouched, because its cluster was paused or its worker is ending. Raises LeaseLost."""
    with holding(claim):
        line = Line("job.requested", sentence, WARNING)
        columns = {"phase": sentence[:80]}
        advance_job(claim.job_id, JobState.REQUESTED, line, fence=claim.fence, columns=columns)


def fail_planning(claim: JobClaim, *, error_code: str, error: str, lines: Sequence[Line] = ()) -> None:
    """End a job whose planning cannot succeed. Raises LeaseLost."""
    with holding(claim):
        events.write(line.row(claim.job_id) for line in lines)
        columns = {"error_code": error_code, "error": error}
        line = Line("job.failed", error, ERROR)
        advance_job(claim.job_id, JobState.FAILED, line, fence=claim.fence, columns=columns)


def cancel_planning(claim: JobClaim) -> None:
    """End a job that was cancelled while it was being planned. Raises LeaseLost."""
    with holding(claim):
        line = Line("job.cancelled", "Cancelled while it was being planned; nothing was changed.", WARNING)
        advance_job(claim.job_id, JobState.CANCELLED, line, fence=claim.fence)


@dataclass(frozen=True, slots=True)
class Finish:
    """One target's end as its worker wants it written. `record` runs in the same transaction."""

    claim: JobClaim
    target: Target
    ended: Ended
    lines: Sequence[Line] = ()
    record: Record | None = None


def finish_targets(finishes: Sequence[Finish]) -> list[Exception | None]:
    """Write how tries ended, many at once, and settle their jobs. Answers, in order, None for what was written, else
    why it was not: LeaseLost, or what `record` raised; one target's trouble is not another's. Raises DatabaseError
    where nothing at all could be written."""
    log: list[JobEvent] = []
    with write_transaction():
        troubles = _finish_together(finishes, log) if len(finishes) > 1 else None
        if troubles is None:  # where one of them has trouble each by itself tells which
            troubles = [_finish(finish, log) for finish in finishes]
        events.write(log)
        done = [finish.target for finish, trouble in zip(finishes, troubles, strict=True) if _is_proof(finish, trouble)]
        signals_log.completed(done)
        for job_id in sorted({finish.claim.job_id for finish in finishes}):
            update_job_state(job_id)
    return troubles


def _is_proof(finish: Finish, trouble: Exception | None) -> bool:
    return trouble is None and finish.ended.state == TargetState.VERIFIED


def _finish_together(finishes: Sequence[Finish], log: list[JobEvent]) -> list[Exception | None] | None:
    """Write all of them; None, having written nothing, where one cannot be written."""
    rows: list[JobEvent] = []
    try:
        with transaction.atomic():
            for finish in finishes:
                _advance(finish, rows)
            _record([finish.record for finish in finishes if finish.record])
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # noqa: BLE001 - the runner's own code; all is undone
        return None
    log += rows
    return [None] * len(finishes)


def _finish(finish: Finish, log: list[JobEvent]) -> Exception | None:
    rows: list[JobEvent] = []
    try:
        with transaction.atomic():
            _advance(finish, rows)
            if finish.record:
                finish.record()
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - the runner's own code; its savepoint is undone, the caller is told
        return error
    log += rows
    return None


def _advance(finish: Finish, log: list[JobEvent]) -> None:
    claim, ended = finish.claim, finish.ended
    log += [line.row(claim.job_id, claim.target_id) for line in finish.lines]
    line, columns = line_of(ended), columns_of(ended)
    advance_target(finish.target, ended.state, line, fence=claim.fence, columns=columns, log=log)
    if ended.job_phase:
        Job.objects.filter(pk=claim.job_id).update(phase=ended.job_phase[:80])


def _record(records: Sequence[Record]) -> None:
    alike: dict[type[BatchRecord], list[BatchRecord]] = {}
    for record in records:
        if isinstance(record, BatchRecord):
            alike.setdefault(type(record), []).append(record)
        else:
            record()
    for cls, many in alike.items():
        cls.write_all(many)


def line_of(ended: Ended) -> Line:
    """The line that says so in the job's log."""
    level = {TargetState.VERIFIED: INFO, TargetState.PENDING: WARNING, TargetState.WAITING: WARNING}
    data = {"error_code": ended.error_code} if ended.error_code else {}
    text = ended.sentence[:1].upper() + ended.sentence[1:]
    code = ended.code or f"target.{ended.state}"
    return Line(code, text, ended.level or level.get(ended.state, ERROR), data)


def columns_of(ended: Ended) -> dict[str, Any]:
    """What the end of a try writes into the target's row, besides its state."""
    columns: dict[str, Any] = {
        "error_code": ended.error_code,
        "error": ended.error,
        "phase": ended.phase[:80],
        "not_before": None if ended.delay is None else later(ended.delay),
        **ended.progress,
        **ended.columns,
    }
    if ended.evidence:
        columns["evidence"] = dict(ended.evidence)
    return columns
