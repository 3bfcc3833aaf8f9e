"""The pace a server must keep: slow is fine for as long as it takes, getting nowhere is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from nodes.errors import LimitBroken, TimedOut
from nodes.remote import command
from nodes.remote.limits import ANSWER_WORTH, Limits, Pace, Waits

LIMITS = Limits(slowest=2_000.0, behind=60.0)


def test_a_slow_line_may_take_days():
    pace = Pace(LIMITS)
    for _ in range(100_000):
        pace.waited(1.6, pace.worth(32 * 1024))  # 20 kB/s


def test_a_byte_every_few_seconds_is_soon_behind():
    pace = Pace(LIMITS)
    for _ in range(9):
        pace.waited(6.0, pace.worth(1))
    with pytest.raises(LimitBroken, match="less than 2000 bytes a second, until it was 60 s behind"):
        for _ in range(2):
            pace.waited(6.0, pace.worth(1))


def test_who_was_quick_may_not_drip_now():
    pace = Pace(LIMITS)
    pace.waited(1.0, pace.worth(10**9))
    with pytest.raises(LimitBroken):
        for _ in range(11):
            pace.waited(6.0, pace.worth(1))


def test_one_long_wait_is_made_up_for():
    pace = Pace(LIMITS)
    for _ in range(100):
        pace.waited(50.0)
        for _ in range(30):
            pace.waited(0.02, ANSWER_WORTH * 2)


def test_answers_that_each_come_in_time_may_not_be_endless():
    pace, waits = Pace(LIMITS), Waits(LIMITS)

    def ask() -> None:
        pace.waited(0.9, ANSWER_WORTH)
        waits.add(0.9, 20)

    for _ in range(4000):
        ask()
    with pytest.raises(LimitBroken, match="3600 s in all"):
        for _ in range(100):
            ask()
    waits.begin()
    ask()


def test_what_moves_may_take_its_time():
    waits = Waits(LIMITS)
    for _ in range(100_000):
        waits.add(1.6, 32 * 1024)


@dataclass
class Clock:
    now: float = 0.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Sending:
    """A command whose input is taken in `pieces`, one in `each` seconds; then it works for `rest` seconds."""

    clock: Clock
    pieces: int
    each: float
    rest: float
    fed_at: float = 0.0

    @property
    def finished(self) -> bool:
        return not self.pieces and self.clock.now >= self.fed_at + self.rest

    def step(self, patience: float) -> int:
        self.clock.now += self.each if self.pieces else patience
        if self.pieces:
            self.pieces, self.fed_at = self.pieces - 1, self.clock.now
        return 1


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(command, "time", made)
    return made


def see_through(sending: Sending) -> None:
    command._see_through(cast("Any", sending), 120.0, None, Waits(LIMITS))


def test_a_stream_has_the_time_that_a_slow_line_takes(clock):
    see_through(Sending(clock, pieces=1000, each=16.0, rest=100.0))
    assert clock.now > 16_000


def test_a_command_that_has_its_input_and_does_not_end_is_ended(clock):
    with pytest.raises(TimedOut):
        see_through(Sending(clock, pieces=10, each=1.0, rest=130.0))
    assert clock.now == pytest.approx(130.0)
