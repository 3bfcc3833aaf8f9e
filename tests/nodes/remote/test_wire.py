"""The reading thread of a connection that nobody uses: it rests longer, and misses nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from nodes.remote import wire
from nodes.remote.pulse import Pulse
from nodes.remote.wire import WireSocket
from tests.threads import Thread


@pytest.fixture
def ends() -> Iterator[tuple[WireSocket, socket.socket]]:
    """A connection of which nobody waits for the other end."""
    ours, theirs = socket.socketpair()
    mine = WireSocket(fileno=ours.detach())
    mine.settimeout(0.01)
    mine.pulse = Pulse(30.0, lambda: None, lambda: 0, lambda: 0)
    yield mine, theirs
    mine.close()
    theirs.close()


@pytest.mark.parametrize(("in_use", "rests"), [(False, 1), (True, 0)])
def test_only_a_connection_that_nobody_uses_rests(ends, monkeypatch, in_use, rests):
    mine, _ = ends
    assert mine.pulse is not None
    mine.pulse.in_use = in_use
    rested: list[WireSocket] = []  # also others, of connections that the pool holds

    def rest(one: WireSocket) -> None:
        rested.append(one)

    monkeypatch.setattr(WireSocket, "_rest", rest)
    with pytest.raises(TimeoutError):
        mine.recv(10)
    assert rested.count(mine) == rests


def test_what_comes_while_it_rests_is_taken_at_once(ends, monkeypatch):
    mine, theirs = ends
    monkeypatch.setattr(wire, "REST_SECONDS", 3600.0)
    reading = Thread(lambda: mine.recv(10))
    reading.start()
    theirs.sendall(b"hello")
    assert reading.done() == b"hello"


def test_the_other_ends_goodbye_ends_the_rest(ends, monkeypatch):
    mine, theirs = ends
    monkeypatch.setattr(wire, "REST_SECONDS", 3600.0)
    reading = Thread(lambda: mine.recv(10))
    reading.start()
    theirs.close()
    assert reading.done() == b""


def test_a_connection_that_was_closed_meanwhile_is_no_surprise(ends):
    mine, _ = ends
    mine.close()
    with pytest.raises(OSError, match="closed"):
        mine.recv(10)
