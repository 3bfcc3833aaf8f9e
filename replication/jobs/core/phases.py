"""Phases with a barrier: which way each target of a job goes, and what follows from where all of them are.

A kind with phases has all its targets through one before any enters the next. Where one fails, or the job is cancelled,
every target that did something gives back. Pure: the writer is `services.phases`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from replication.jobs.core.states import TARGET_TERMINAL, TargetState


class Course(StrEnum):
    """Which way a target goes. HELD: its phase is proven, and it waits at the barrier for the others."""

    FORWARD = "forward"
    HELD = "held"
    BACK = "back"


COURSES: dict[Course, frozenset[Course]] = {
    Course.FORWARD: frozenset({Course.HELD, Course.BACK}),
    Course.HELD: frozenset({Course.FORWARD, Course.BACK}),
    # whoever gives back does so to the end
    Course.BACK: frozenset(),
}
"""The one table of what a course may become. A target that is held is pending and nobody works on it; at the last
barrier, and only there, it becomes verified without being run again."""

IDLE = frozenset({TargetState.PENDING, TargetState.WAITING})


def sources_of(course: Course) -> frozenset[Course]:
    """The courses from which a target may take `course`."""
    return frozenset(source for source, ends in COURSES.items() if course in ends)


@dataclass(frozen=True, slots=True)
class Where:
    """Where a target is. `stage`: how many phases it has behind it; `attempt`: tries since it took this course."""

    target_id: int
    state: TargetState
    course: Course
    stage: int
    attempt: int

    @property
    def touched(self) -> bool:
        """Whether it may have done something that is to be given back."""
        return self.stage > 0 or self.attempt > 0

    @property
    def is_idle_forward(self) -> bool:
        """Whether it would go on, and nobody works on it now."""
        return self.state in IDLE and self.course is not Course.BACK


@dataclass(frozen=True, slots=True)
class Move:
    """What follows, by target ids. `cancelled`: nothing was done there; `back`: give back from now on; `given_up`: away
    while it should give back, and a person cancels that too; `onward`: into the next phase; `proven`: all phases are
    behind all targets. `cancel_taken`: the request to cancel is followed, so that giving back may begin."""

    cancelled: tuple[int, ...] = ()
    back: tuple[int, ...] = ()
    given_up: tuple[int, ...] = ()
    onward: tuple[int, ...] = ()
    proven: tuple[int, ...] = ()
    cancel_taken: bool = False


def next_move(targets: Sequence[Where], *, phases: int, cancelling: bool) -> Move:
    """What follows from where all targets of a job are. Nothing, while they are under way."""
    if cancelling or any(_failed(target) for target in targets):
        return _turn_back(targets, cancelling=cancelling)
    open_targets = [target for target in targets if target.state not in TARGET_TERMINAL]
    if not open_targets or any(target.course is not Course.HELD for target in open_targets):
        return Move()
    ids = tuple(target.target_id for target in open_targets)
    return Move(proven=ids) if min(target.stage for target in open_targets) >= phases else Move(onward=ids)


def _failed(target: Where) -> bool:
    return target.course is Course.BACK or target.state in TARGET_TERMINAL - {TargetState.VERIFIED}


def _turn_back(targets: Sequence[Where], *, cancelling: bool) -> Move:
    idle = [target for target in targets if target.is_idle_forward]
    away = [target for target in targets if target.course is Course.BACK and target.state is TargetState.WAITING]
    return Move(
        cancelled=tuple(target.target_id for target in idle if not target.touched),
        back=tuple(target.target_id for target in idle if target.touched),
        given_up=tuple(target.target_id for target in away) if cancelling else (),
        cancel_taken=cancelling and not _at_work(targets) and any(_gives_back(target) for target in targets),
    )


def _at_work(targets: Sequence[Where]) -> bool:
    return any(target.state is TargetState.RUNNING for target in targets)


def _gives_back(target: Where) -> bool:
    """Whether it has yet to give back, now or from this move on."""
    return target.state not in TARGET_TERMINAL and (target.course is Course.BACK or target.touched)
