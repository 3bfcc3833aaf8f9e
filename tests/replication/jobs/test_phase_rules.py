"""What follows from where all targets of a job with phases are."""

from __future__ import annotations

from itertools import product

import pytest

from replication.jobs.core.phases import (
    COURSES,
    IDLE,
    Course,
    Move,
    Where,
    next_move,
    sources_of,
)
from replication.jobs.core.states import TARGET_TERMINAL, TargetState

T, C = TargetState, Course
PHASES = 2


def at(state: TargetState, course: Course = C.FORWARD, stage: int = 0, attempt: int = 0, pk: int = 1) -> Where:
    return Where(pk, state, course, stage, attempt)


HELD = at(T.PENDING, C.HELD, 1, pk=7)
DONE = at(T.PENDING, C.HELD, 2, pk=7)


@pytest.mark.parametrize(
    ("targets", "cancelling", "move"),
    [
        ([], False, Move()),
        ([HELD, at(T.PENDING)], False, Move()),
        ([HELD, at(T.RUNNING, attempt=1)], False, Move()),
        ([HELD, at(T.WAITING, attempt=4)], False, Move()),
        ([HELD, at(T.PENDING, C.HELD, 1)], False, Move(onward=(7, 1))),
        ([DONE, at(T.PENDING, C.HELD, 2)], False, Move(proven=(7, 1))),
        ([DONE, at(T.RUNNING, C.FORWARD, 1, 1)], False, Move()),
        ([HELD, at(T.PENDING, C.BACK)], False, Move(back=(7,))),
        ([HELD, at(T.PENDING), at(T.RUNNING, C.BACK, pk=2)], False, Move(back=(7,), cancelled=(1,))),
        ([HELD, at(T.FAILED)], False, Move(back=(7,))),
        ([at(T.WAITING, attempt=1, pk=7), at(T.FAILED)], False, Move(back=(7,))),
        ([at(T.PENDING, C.FORWARD, 1, pk=7), at(T.FAILED)], False, Move(back=(7,))),
        ([HELD], True, Move(back=(7,), cancel_taken=True)),
        ([HELD, at(T.RUNNING, attempt=1)], True, Move(back=(7,))),
        ([at(T.PENDING)], True, Move(cancelled=(1,))),
        ([at(T.WAITING, C.BACK), at(T.PENDING, C.BACK, pk=2)], True, Move(given_up=(1,), cancel_taken=True)),
        ([at(T.WAITING, C.BACK)], False, Move()),
    ],
)
def test_what_follows(targets, cancelling, move):
    assert next_move(targets, phases=PHASES, cancelling=cancelling) == move


ANY = [
    at(state, course, stage, attempt)
    for state, course, stage, attempt in product(T, C, range(PHASES + 1), (0, 1))
    if course is not C.HELD or state is T.PENDING
]


@pytest.mark.parametrize("cancelling", [False, True])
def test_of_two_targets_none_passes_the_barrier_alone_and_none_is_left_behind(cancelling):
    for one, two in product(ANY, ANY):
        pair = [one, Where(2, two.state, two.course, two.stage, two.attempt)]
        move = next_move(pair, phases=PHASES, cancelling=cancelling)
        if move.onward or move.proven:
            assert not cancelling
            assert {target.course for target in pair if target.state not in TARGET_TERMINAL} == {C.HELD}
            assert all(target.state in IDLE | {T.VERIFIED} for target in pair)
        for target in pair:
            moved = move.back + move.cancelled
            assert target.target_id not in moved or target.is_idle_forward
            assert target.target_id not in move.cancelled or not target.touched
            assert target.target_id not in move.given_up or (cancelling and target.state is T.WAITING)


def test_whoever_gives_back_never_goes_on():
    assert set(COURSES) == set(C)
    assert COURSES[C.BACK] == frozenset()
    assert sources_of(C.BACK) == {C.FORWARD, C.HELD}
    assert sources_of(C.HELD) == {C.FORWARD}
    assert sources_of(C.FORWARD) == {C.HELD}
