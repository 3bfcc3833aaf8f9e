"""What the end of one try means for a target of a kind with phases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from replication.jobs.core.phases import IDLE, Course
from replication.jobs.core.states import TargetState
from replication.jobs.models import Target
from replication.jobs.services.events import ERROR, INFO, WARNING
from replication.jobs.services.outcomes import Ended
from replication.jobs.services.phases import CAUSE, GIVEN_BACK

NOT_ANY_MORE = "What was done here was given back."


def in_phases(phases: tuple[str, ...], target: Target, ended: Ended) -> Ended:
    """What the end of a try means in a kind with phases: proven is held, failed gives back first."""
    if not phases:
        return ended
    if target.course == Course.BACK:
        return _gave_back(target, ended)
    if ended.state is TargetState.VERIFIED:
        return _held(phases[target.stage], target, ended)
    return ended if ended.state in IDLE else turned(target, ended)


def _held(phase: str, target: Target, ended: Ended) -> Ended:
    return replace(
        ended,
        state=TargetState.PENDING,
        code="target.held",
        level=INFO,
        sentence=f"{phase}: proven; waits for the others.",
        phase=f"{phase} is proven; waits for the others",
        evidence={**target.evidence, **ended.evidence},
        columns={"course": Course.HELD, "stage": target.stage + 1, "attempt": 0},
    )


def turned(target: Target, ended: Ended) -> Ended:
    """The try failed: before the target may end, what it did is given back."""
    state = TargetState.CANCELLED if ended.state is TargetState.CANCELLED else TargetState.FAILED
    cause = {"state": state, "error_code": ended.error_code, "error": ended.error or ended.sentence}
    return replace(
        ended,
        state=TargetState.PENDING,
        code="target.turned_back",
        level=WARNING if state is TargetState.CANCELLED else ERROR,
        sentence=f"{cause['error'].rstrip('.')}. What was done here is given back.",
        phase="gives back",
        evidence={**target.evidence, **ended.evidence, CAUSE: cause},
        columns={"course": Course.BACK, "attempt": 0},
    )


def _gave_back(target: Target, ended: Ended) -> Ended:
    if ended.state in IDLE:
        return ended
    if ended.state is TargetState.CANCELLED:  # what is half given back is not left so
        return replace(ended, state=TargetState.PENDING, error_code="", error="", phase="gives back", delay=None)
    evidence = {**target.evidence, **ended.evidence, GIVEN_BACK: ended.state is TargetState.VERIFIED}
    if ended.state is not TargetState.VERIFIED:
        text = f"Not given back: {ended.error or ended.sentence}"
        return replace(ended, state=TargetState.FAILED, sentence=text, error=text, evidence=evidence)
    cause: Mapping[str, str] = target.evidence.get(CAUSE) or {}
    return replace(
        ended,
        state=TargetState(cause.get("state", TargetState.CANCELLED)),
        code="target.given_back",
        level=WARNING,
        sentence=NOT_ANY_MORE,
        error_code=cause.get("error_code") or GIVEN_BACK,
        error=cause.get("error") or NOT_ANY_MORE,
        evidence=evidence,
    )
