"""A server that hangs is given up in seconds; one that works, or a line that is slow, is not."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from nodes.errors import Unreachable
from nodes.remote import pool as pool_module
from nodes.remote.pool import SessionPool
from nodes.remote.pulse import NOT_OURS, QUESTIONS, TURN_SECONDS, FellSilent, Pulse
from tests.deadlines import PATIENCE, promised, wait_for

SILENCE = 2.0
HANGING = 600.0
"""Seconds an operation would wait for a hung server by itself."""


@pytest.fixture
def pool(cleanup) -> SessionPool:
    made = SessionPool()
    cleanup.callback(made.close_all)
    return made


class Line:
    """What a pulse asks, and what it is told of the network."""

    def __init__(self, **pulse: bool) -> None:
        self.asked = 0
        self.sent = self.taken = 0
        self.pulse = Pulse(SILENCE, self.ask, lambda: self.taken, lambda: self.sent - self.taken, **pulse)

    def ask(self) -> None:
        self.asked += 1
        self.sent += 100
        self.taken += 100

    def silent(self, turns: int) -> None:
        for _ in range(turns):
            self.pulse.silent_turn()


TURNS = round(SILENCE / TURN_SECONDS)


def test_a_silent_server_is_asked_and_then_given_up():
    line = Line(in_use=True, answers=True)
    line.silent(TURNS - 1)
    assert line.asked == QUESTIONS - 1
    with pytest.raises(FellSilent):
        line.silent(1)
    assert line.pulse.silent


def test_each_answer_begins_the_count_anew():
    line = Line(in_use=True, answers=True)
    for _ in range(5):
        line.silent(TURNS - 1)
        line.pulse.heard()


def test_nobody_waits_for_a_connection_that_rests():
    line = Line(answers=True)
    line.silent(10 * TURNS)
    assert line.asked == 0
    line.pulse.in_use = True
    line.silent(TURNS - 1)


def test_a_server_that_never_answered_the_question_is_not_given_up():
    line = Line(in_use=True)
    line.silent(10 * TURNS)
    assert line.asked


def test_a_slow_line_that_takes_bytes_lives():
    line = Line(in_use=True, answers=True)
    line.sent = 100 * NOT_OURS
    for _ in range(20):
        line.silent(TURNS - 2)
        line.taken += NOT_OURS + 1
    assert line.asked == 0  # it would come after what is still on its way
    with pytest.raises(FellSilent):
        line.silent(TURNS)


def test_a_server_that_hangs_in_mid_session_is_away_for_all_who_wait(sshd, pool):
    server = sshd()
    target = server.target(silence=SILENCE)

    def wait(verb) -> None:
        with pool.lease(target) as session:
            session.stat("/")
            ready.append(verb)
            wait_for("the server hangs", lambda: hung)
            with pytest.raises(Unreachable, match="silent"), pool.lease(target) as waiting:
                verb(waiting)

    verbs = [
        lambda session: session.run("sleep 1000", timeout=HANGING),
        lambda session: session.run("cat", stdin=[b"x" * 1024 * 1024] * 64, timeout=HANGING),
    ]
    ready: list[object] = []
    hung: list[bool] = []
    with ThreadPoolExecutor(len(verbs)) as threads:
        waiting = [threads.submit(wait, verb) for verb in verbs]
        wait_for("all are in the middle", lambda: len(ready) == len(verbs))
        with server.hung():
            hung.append(True)
            for one in waiting:
                one.result(PATIENCE)


def test_a_command_that_says_nothing_for_long_is_let_run(sshd, pool):
    target = sshd().target(silence=SILENCE)
    with pool.lease(target) as session:
        assert session.run(f"sleep {2 * SILENCE}; echo done", timeout=PATIENCE).stdout == b"done\n"


def test_other_servers_answer_the_question_too(asyncssh_node, pool):
    target = asyncssh_node().target(silence=SILENCE)
    with pool.lease(target) as session:
        assert session.run(f"sleep {2 * SILENCE}; echo done", timeout=PATIENCE).stdout == b"done\n"


def test_a_connection_to_a_hung_server_is_not_waited_for(sshd, pool):
    server = sshd()
    target = server.target(silence=0.5, connect_timeout=HANGING)
    with server.hung():
        for _ in range(2):
            with pytest.raises(Unreachable), pool.lease(target):
                pass
    with pool.lease(target) as session:
        assert session.stat("/") is not None


def test_a_server_known_to_be_down_is_waited_for_shortly_and_its_connection_serves_the_next(sshd, pool, monkeypatch):
    monkeypatch.setattr(pool_module, "DOWN_SECONDS", 0.2)
    server = sshd()
    with server.hung(), pytest.raises(Unreachable), pool.lease(server.target(silence=0.2)):
        pass
    patient = server.target(silence=HANGING, connect_timeout=HANGING)
    with server.hung():
        began = time.monotonic()
        with pytest.raises(Unreachable, match="still being opened"), pool.lease(patient):
            pass
        assert time.monotonic() - began < promised(2)
    wait_for("the connection stands", lambda: pool.size)
    with pool.lease(patient) as session:
        assert session.stat("/") is not None
    assert server.log.count("Accepted publickey") == 1
