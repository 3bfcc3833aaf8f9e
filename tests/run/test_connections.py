"""Who gives way when more want to be connected than may."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from uvicorn import Config
from uvicorn.server import ServerState

from clusterportal.connections import Door, DoorSocket, PatientProtocol, Peer, source_of, trusts
from tests.deadlines import PATIENCE
from tests.threads import run_apart


class Line:
    """What the door sees of a connection."""

    def __init__(self) -> None:
        self.is_open = True

    def shutdown(self, how: int) -> None:
        self.is_open = False


def line() -> Any:
    return Line()


def door(most: int = 3, each: int = 2, trusted: str = "") -> Door:
    return Door(most, each, trusts(trusted))


def enter(it: Door, *peers: Peer) -> list[Any]:
    lines = [line() for _ in peers]
    assert all(it.admit(peer, one) for peer, one in zip(peers, lines, strict=True))
    return lines


A, B, C, D = (("192.0.2.1", 1), ("192.0.2.2", 1), ("192.0.2.3", 1), ("192.0.2.4", 1))


def test_whoever_waits_longest_gives_way():
    it = door()
    first, second, third = enter(it, A, B, C)
    it.busy(A)
    assert it.admit(D, line())
    assert (first.is_open, second.is_open, third.is_open, len(it)) == (True, False, True, 3)


def test_who_was_answered_waits_again_and_last():
    it = door()
    first, second, third = enter(it, A, B, C)
    it.busy(A)
    it.waits(A)
    enter(it, D, ("192.0.2.5", 1))
    assert [one.is_open for one in (first, second, third)] == [True, False, False]


def test_where_all_ask_nobody_is_interrupted():
    it = door()
    lines = enter(it, A, B, C)
    for peer in (A, B, C):
        it.busy(peer)
    assert not it.admit(D, line())
    assert all(one.is_open for one in lines)
    it.gone(B, lines[1])
    assert it.admit(D, line())


def test_one_address_takes_its_own_places_only():
    it = door(most=10)
    other, *mine = enter(it, B, ("192.0.2.1", 1), ("192.0.2.1", 2), ("192.0.2.1", 3))
    assert [one.is_open for one in (other, *mine)] == [True, False, True, True]
    it.busy(("192.0.2.1", 2))
    it.busy(("192.0.2.1", 3))
    assert not it.admit(("192.0.2.1", 4), line())
    assert it.admit(C, line())


def test_a_network_of_ipv6_is_one_address():
    assert source_of("2001:db8::1") == source_of("2001:db8::ffff:2") != source_of("2001:db8:0:1::1")
    assert source_of("fe80::1%eth0") == source_of("fe80::2")


@pytest.mark.parametrize(
    ("named", "address", "is_trusted"),
    [
        ("", "127.0.0.1", True),
        ("", "::1", True),
        ("", "::ffff:127.0.0.1", True),
        ("", "192.0.2.1", False),
        ("192.0.2.1, proxy.example", "192.0.2.1", True),
        ("192.0.2.0/28", "192.0.2.15", True),
        ("192.0.2.0/28", "192.0.2.16", False),
        ("2001:db8::/32", "2001:db8::9", True),
        ("*", "198.51.100.1", True),
    ],
)
def test_who_is_exempt_from_the_limit_of_one_address(named, address, is_trusted):
    assert trusts(named)(address) is is_trusted
    it = door(most=10, each=1, trusted=named)
    first, _ = enter(it, (address, 1), (address, 2))
    assert first.is_open is is_trusted


@hypothesis_settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["admit", "busy", "waits", "gone"]), st.integers(1, 4), st.integers(1, 3))))
def test_the_limits_hold_whatever_happens(story):
    it = door()
    lines: dict[Peer, Any] = {}
    for act, host, port in story:
        peer = (f"192.0.2.{host}", port)
        if act == "admit" and not (peer in lines and lines[peer].is_open):
            one = line()
            if it.admit(peer, one):
                lines[peer] = one
        elif act == "gone" and peer in lines:
            one = lines.pop(peer)
            it.gone(peer, one)
            one.is_open = False
        elif act in ("busy", "waits"):
            getattr(it, act)(peer)
        inside = [peer for peer, one in lines.items() if one.is_open]
        assert len(it) == len(inside) <= 3
        assert all(sum(other[0] == peer[0] for other in inside) <= 2 for peer in inside)


# --- the socket ---


@pytest.fixture
def listening() -> Iterator[DoorSocket]:
    with DoorSocket() as it:
        it.door = door(most=2, trusted="*")
        it.bind(("127.0.0.1", 0))
        it.listen()
        yield it


def test_a_closed_connection_gives_its_place_back(listening):
    with socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        assert len(listening.door) == 1
        accepted.close()
        accepted.close()
        assert len(listening.door) == 0


def test_one_that_may_not_come_in_is_closed_and_is_no_error(listening):
    clients = [socket.create_connection(listening.getsockname()) for _ in range(3)]
    accepted = [listening.accept()[0] for _ in range(2)]
    for one in accepted:
        listening.door.busy(one.getpeername())
    with pytest.raises(BlockingIOError):
        listening.accept()
    assert clients[2].recv(1) == b""
    for one in (*clients, *accepted):
        one.close()


def test_running_out_of_descriptors_has_the_longest_waiting_leave_and_is_no_complaint(listening, monkeypatch):
    with socket.create_connection(listening.getsockname()) as client:
        accepted, _ = listening.accept()

        def none_left(_):
            raise OSError(errno.EMFILE, "Too many open files")

        monkeypatch.setattr(socket.socket, "accept", none_left)
        with pytest.raises(BlockingIOError):
            listening.accept()
        assert client.recv(1) == b""
        accepted.close()


# --- the protocol ---


class Wire:
    """A transport whose other end does not read."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return A if name == "peername" else default

    def is_closing(self) -> bool:
        return self.ended.is_set()

    def abort(self) -> None:
        self.ended.set()


async def begin(monkeypatch, head: float) -> tuple[PatientProtocol, Wire]:
    monkeypatch.setattr("clusterportal.connections.settings.PORTAL", replace(settings.PORTAL, head=head))
    monkeypatch.setattr(PatientProtocol, "door", door(), raising=False)
    config = Config(lambda *_: None, interface="asgi3", ws="none", lifespan="off", log_config=None)
    protocol, wire = PatientProtocol(config, ServerState(), {}), Wire()
    protocol.connection_made(wire)  # type: ignore[arg-type]
    return protocol, wire


def test_who_sends_no_head_is_not_waited_for(monkeypatch):
    async def story() -> None:
        _, wire = await begin(monkeypatch, 0.01)
        await asyncio.wait_for(wire.ended.wait(), PATIENCE)

    run_apart(story())


def test_who_does_not_read_is_not_waited_for(monkeypatch):
    async def story() -> None:
        protocol, wire = await begin(monkeypatch, PATIENCE)
        protocol.pause_writing()
        protocol.resume_writing()
        assert protocol._stuck is None
        monkeypatch.setattr("clusterportal.connections.settings.PORTAL", replace(settings.PORTAL, head=0.01))
        protocol.pause_writing()
        await asyncio.wait_for(wire.ended.wait(), PATIENCE)
        protocol.connection_lost(ConnectionAbortedError())

    run_apart(story())
