"""Who works in which thread: a lane whose threads all hang keeps only itself waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from nodes.leases.crew import Crew, Lane
from nodes.leases.worker import SHUTTING_DOWN
from tests.deadlines import PATIENCE, wait_for


@pytest.fixture
def crew() -> Iterator[Crew]:
    made = Crew()
    made.open()
    yield made
    made.close()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What hangs until it is set; at the test's end it is."""
    made = threading.Event()
    yield made
    made.set()


class Done:
    """Pieces of work that note that they began."""

    def __init__(self) -> None:
        self.names: list[object] = []

    def note(self, name: object, gate: threading.Event | None = None) -> None:
        self.names.append(name)
        assert gate is None or gate.wait(PATIENCE)


@pytest.fixture
def done() -> Done:
    return Done()


def test_a_lane_whose_threads_hang_keeps_no_other_waiting(crew, gate, done):
    hung, other = Lane("facts", 1, 2), Lane("facts", 2, 2)
    for key in range(5):
        crew.do(hung, key, lambda: done.note("hung", gate))
    crew.do(other, 1, lambda: done.note("other"))
    wait_for("the other is done", lambda: "other" in done.names)
    wait_for("the lane is full", lambda: done.names.count("hung") == 2)
    gate.set()
    wait_for("all had their turn", lambda: done.names.count("hung") == 5)


def test_of_one_key_one_piece_is_done_at_a_time_and_one_waits(crew, gate, done):
    lane = Lane("facts", 1, 8)
    crew.do(lane, 7, lambda: done.note("first", gate))
    for number in range(3):
        crew.do(lane, 7, lambda number=number: done.note(number))
    crew.do(lane, 8, lambda: done.note("beside"))
    wait_for("what is of another key is done beside it", lambda: "beside" in done.names)
    assert sorted(map(str, done.names)) == ["beside", "first"]
    gate.set()
    wait_for("the last that was asked for is done afterwards", lambda: 2 in done.names)
    crew.close()
    assert len(done.names) == 3


def test_what_fails_is_said_and_the_lane_goes_on(crew, done, caplog):
    lane = Lane("facts", 1, 1)
    crew.do(lane, 1, lambda: 1 // 0)
    crew.do(lane, 2, lambda: done.note("next"))
    wait_for("the next is done", lambda: done.names)
    wait_for("it is said", lambda: "facts 1 failed" in caplog.text)


def test_it_ends_with_what_was_begun_and_begins_nothing_more(crew, gate, done):
    lane = Lane("facts", 1, 1)
    crew.do(lane, 1, lambda: done.note("begun", gate))
    crew.do(lane, 2, lambda: done.note("waiting"))
    threading.Timer(0.05, gate.set).start()
    crew.close()
    assert done.names == ["begun"]


def test_a_worker_that_is_ending_begins_nothing(crew, done):
    SHUTTING_DOWN.set()
    try:
        crew.do(Lane("facts", 1, 1), 1, lambda: done.note("too late"))
        crew.close()
    finally:
        SHUTTING_DOWN.clear()
    assert not done.names


def test_where_no_worker_is_it_is_done_at_once(done):
    Crew().do(Lane("facts", 1, 1), 1, lambda: done.note(threading.current_thread()))
    assert done.names == [threading.current_thread()]
