"""The one writer of states: a compare-and-set by the table of `core.states`, with its line in the log, in one
transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import nullcontext
from typing import Any, NoReturn

from django.db.models import DurationField, F
from django.db.models.functions import Coalesce

from accounts.errors import Refused
from nodes.leases.clock import now
from nodes.leases.errors import LeaseLost
from nodes.leases.transactions import write_transaction
from replication.jobs.core.states import (
    JOB_TERMINAL,
    JOB_TRANSITIONS,
    TARGET_TERMINAL,
    TARGET_TRANSITIONS,
    JobState,
    TargetState,
)
from replication.jobs.models import Job, JobEvent, Target
from replication.jobs.services import events, locks
from replication.jobs.services.events import Line

Columns = Mapping[str, Any]

STOPPED: Columns = {
    "worked_since": None,
    "ran": Coalesce(F("ran") + (now() - F("worked_since")), F("ran"), output_field=DurationField()),
}
"""Nobody works on it any more: the time since somebody began is added up."""

UNOWNED: Columns = {"owner": "", "lease_until": None, **STOPPED}


def job_sources(state: JobState) -> frozenset[JobState]:
    """The states from which a job may become `state`."""
    return frozenset(source for source, ends in JOB_TRANSITIONS.items() if state in ends)


def target_sources(state: TargetState) -> frozenset[TargetState]:
    """The states from which a target may become `state`."""
    return frozenset(source for source, ends in TARGET_TRANSITIONS.items() if state in ends)


def advance_job(
    job_id: int,
    to: JobState,
    line: Line,
    *,
    fence: int | None = None,
    only_from: Collection[JobState] | None = None,
    columns: Columns | None = None,
) -> None:
    """Move a job to `to` and say so in its log. Whoever owned it no longer does, and its resources are given back
    unless the new state holds them.

    Raises LeaseLost where `fence` was given and is old, else Refused where the job is in no state that may become
    `to`.
    """
    sources = job_sources(to) & frozenset(only_from or JobState)
    values: dict[str, Any] = {**UNOWNED, "phase": "", **(columns or {}), "state": to}
    if to in JOB_TERMINAL:
        values["ended_at"] = now()
    with write_transaction():
        rows = Job.objects.filter(pk=job_id, state__in=sources)
        if fence is not None:
            rows = rows.filter(fence=fence)
        if not rows.update(**values):
            _say_why_not(job_id, to, fence)
        events.note(job_id, line)
        if to not in locks.HOLDING:
            locks.release([job_id])


def _say_why_not(job_id: int, to: JobState, fence: int | None) -> NoReturn:
    if fence is not None:
        raise LeaseLost(f"job #{job_id} is no longer this worker's")
    state = Job.objects.filter(pk=job_id).values_list("state", flat=True).first() or "gone"
    raise Refused("conflict", f"Job #{job_id} is {state.replace('_', ' ')} and cannot become {to.replace('_', ' ')}.")


def advance_target(
    target: Target,
    to: TargetState,
    line: Line,
    *,
    fence: int,
    columns: Columns | None = None,
    log: list[JobEvent] | None = None,
) -> None:
    """Move a target to `to` and say so in its job's log; nobody owns it afterwards. With `log` the line is appended
    there, for the caller to write with others in the same transaction.

    Raises LeaseLost, having written nothing, where the fence is old or the state may not become `to`.
    """
    values: dict[str, Any] = {**UNOWNED, "phase": "", **(columns or {}), "state": to}
    if to in TARGET_TERMINAL:
        values["ended_at"] = now()
    rows = Target.objects.filter(pk=target.pk, fence=fence, state__in=target_sources(to))
    with nullcontext() if log is not None else write_transaction():
        if not rows.update(**values):
            raise LeaseLost(f"target {target.pk} is no longer this worker's")
        if log is None:
            events.note(target.job_id, line, target_id=target.pk)
        else:
            log.append(line.row(target.job_id, target.pk))


def cancel_idle_targets(job_id: int, line: Line, *, node_ids: Collection[int] | None = None) -> int:
    """Cancel the targets that nobody is working on, all or those of some nodes. Answers how many there were."""
    with write_transaction():
        rows = Target.objects.filter(job=job_id, state__in=(TargetState.PENDING, TargetState.WAITING))
        if node_ids is not None:
            rows = rows.filter(node__in=node_ids)
        found = list(rows.select_for_update().values_list("pk", flat=True))
        count = Target.objects.filter(pk__in=found).update(state=TargetState.CANCELLED, ended_at=now(), phase="")
        events.write(line.row(job_id, pk) for pk in found)
    return count
