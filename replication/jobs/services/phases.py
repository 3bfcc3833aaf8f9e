"""The writer of courses: targets of a kind with phases are held at a barrier, let through together, or turned back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from nodes.leases.clock import now
from replication.jobs import wake
from replication.jobs.core.phases import (
    IDLE,
    Course,
    Move,
    Where,
    next_move,
    sources_of,
)
from replication.jobs.core.states import TargetState
from replication.jobs.models import Job, Target
from replication.jobs.services import events
from replication.jobs.services.events import ERROR, WARNING, Line

GIVEN_BACK = "given_back"
"""The error code of a target that had done its part and gave it back, and the key of its evidence."""

CAUSE = "cause"
"""The key of a target's evidence that says why its job turned back."""


def move_targets(job: Job, phases: tuple[str, ...]) -> list[TargetState]:
    """Do what follows from where a job's targets are, and answer their states. Call it with the job's row locked."""
    found = _where(job)
    move = next_move(found, phases=len(phases), cancelling=job.cancel_requested_at is not None)
    if move == Move():
        return [target.state for target in found]
    _turn(job, move)
    if move.onward:
        _let_through(job, move.onward, phases, stage=max(target.stage for target in found))
    _end(job.pk, move.proven, TargetState.VERIFIED, Line("target.verified", "Proven on all nodes."), {})
    if move.cancel_taken:
        Job.objects.filter(pk=job.pk).update(cancel_requested_at=None)
    wake.drive()
    return [target.state for target in _where(job)]


def _where(job: Job) -> list[Where]:
    rows = Target.objects.filter(job=job.pk).order_by("pk").values_list("pk", "state", "course", "stage", "attempt")
    return [Where(pk, TargetState(state), Course(course), stage, tries) for pk, state, course, stage, tries in rows]


def _turn(job: Job, move: Move) -> None:
    line = Line("target.cancelled", "Nothing was done here; the job turned back.", WARNING)
    _end(job.pk, move.cancelled, TargetState.CANCELLED, line, {})
    for target in Target.objects.filter(pk__in=move.given_up):
        _give_up(target)
    rows = _rows(move.back, Course.BACK)
    rows.update(course=Course.BACK, attempt=0, not_before=None, phase="gives back")
    events.write(
        Line("target.turned_back", "What was done here is given back.", WARNING).row(job.pk, pk) for pk in move.back
    )


def _give_up(target: Target) -> None:
    text = "Not given back: the node was away, and a person gave it up."
    columns = {"error_code": "not_given_back", "error": text, "evidence": {**target.evidence, GIVEN_BACK: False}}
    _end(target.job_id, [target.pk], TargetState.FAILED, Line("target.failed", text, ERROR), columns)


def _let_through(job: Job, ids: Collection[int], phases: tuple[str, ...], *, stage: int) -> None:
    _rows(ids, Course.FORWARD).update(course=Course.FORWARD, attempt=0, phase="")
    text = f"All nodes are through {phases[stage - 1]}; {phases[stage]} begins."
    events.note(job.pk, Line("job.phase_passed", text))


def _rows(ids: Collection[int], to: Course) -> Any:
    return Target.objects.filter(pk__in=ids, state__in=IDLE, course__in=sources_of(to))


def _end(job_id: int, ids: Collection[int], state: TargetState, line: Line, columns: Mapping[str, Any]) -> None:
    if ids:
        rows = Target.objects.filter(pk__in=ids, state__in=IDLE)
        rows.update(state=state, ended_at=now(), phase="", **columns)
        events.write(line.row(job_id, pk) for pk in ids)


def gave_back_words(job_id: int) -> str:
    """Where a job's targets gave back what they had done, and where they could not; "" where nothing had been done."""
    rows = Target.objects.filter(job=job_id).order_by("node").values_list("node__name", "evidence")
    said = [(name, evidence[GIVEN_BACK]) for name, evidence in rows if GIVEN_BACK in evidence]
    back, left = ([name for name, done in said if done is wanted] for wanted in (True, False))
    words = [f"Given back: {', '.join(back)}."] if back else []
    return " ".join(words + ([f"Not given back: {', '.join(left)}."] if left else []))
