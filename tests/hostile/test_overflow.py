"""A server that sends what nobody asked for, or answers in time without an end, is left by a limit that says so."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import asyncssh
import pytest
from asyncssh.constants import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_WINDOW_ADJUST,
    MSG_DEBUG,
    MSG_GLOBAL_REQUEST,
    MSG_IGNORE,
)
from asyncssh.packet import Boolean, String, UInt32

from nodes.errors import LimitBroken, TimedOut
from nodes.remote.limits import Limits
from nodes.remote.pool import SessionPool
from nodes.remote.session import Session
from tests.asyncssh_node import AsyncsshNode
from tests.deadlines import PATIENCE

Connection = asyncssh.SSHServerConnection
Message = Callable[[Connection], tuple[Any, ...]]
Files = Callable[[asyncssh.SSHServerChannel[Any]], asyncssh.SFTPServer] | bool
PIECE = String(b"x" * 16384)
MIB = 1024 * 1024


def _channel(connection: Connection) -> bytes:
    return UInt32(max(channel._send_chan or 0 for channel in connection._channels.values()))


def _question(connection: Connection) -> tuple[Any, ...]:
    connection._global_request_waiters.append(asyncio.get_running_loop().create_future())
    return MSG_GLOBAL_REQUEST, String(b"keepalive@openssh.com"), Boolean(True)


TALK: dict[str, Message] = {
    "ignored": lambda _: (MSG_IGNORE, String(b"")),
    "debug": lambda _: (MSG_DEBUG, Boolean(False), String(b"x"), String(b"")),
    "questions": lambda _: (MSG_GLOBAL_REQUEST, String(b"hostkeys-00@openssh.com"), Boolean(False)),
    "questions to be answered": _question,
    "no bytes": lambda made: (MSG_CHANNEL_DATA, _channel(made), String(b"")),
    "a stream of no kind": lambda made: (MSG_CHANNEL_EXTENDED_DATA, _channel(made), UInt32(7), String(b"x")),
    "room": lambda made: (MSG_CHANNEL_WINDOW_ADJUST, _channel(made), UInt32(1)),
    "requests": lambda made: (MSG_CHANNEL_REQUEST, _channel(made), String(b"x@y"), Boolean(False)),
}


def _after_the_end(connection: Connection) -> tuple[Any, ...]:
    if not getattr(connection, "said_its_end", False):
        connection.said_its_end = True  # type: ignore[attr-defined]
        return MSG_CHANNEL_EOF, _channel(connection)
    return MSG_CHANNEL_DATA, _channel(connection), PIECE


MORE_THAN_THERE_IS_ROOM: dict[str, Message] = {
    "output": lambda made: (MSG_CHANNEL_DATA, _channel(made), PIECE),
    "output after its end": _after_the_end,
    "errors": lambda made: (MSG_CHANNEL_EXTENDED_DATA, _channel(made), UInt32(1), PIECE),
}


class Talker(AsyncsshNode):
    """A server that says things beside its work."""

    def say(self, message: Message, times: int) -> None:
        self._await(self._say(message, times))

    exchanges = 0

    def exchange_keys(self, times: int = 20) -> None:
        """So often, one after the other."""
        self._await(self._exchange_keys(times))

    async def _exchange_keys(self, times: int) -> None:
        for connection in self.connections:
            for _ in range(times):
                if connection._transport is None:
                    return
                if connection._kex is None and not connection._kexinit_sent:
                    connection._send_kexinit()
                    connection._kexinit_sent = True
                    self.exchanges += 1
                await asyncio.sleep(0.005)

    async def _say(self, message: Message, times: int) -> None:
        for connection in self.connections:
            for number in range(times):
                if connection._transport is None:
                    return
                connection.send_packet(*message(connection))
                if number % 100 == 0:
                    await asyncio.sleep(0)


@contextmanager
def talker(files: Files = True) -> Iterator[tuple[Talker, SessionPool]]:
    server, pool = Talker(sftp_factory=files), SessionPool()
    server.start()
    try:
        yield server, pool
    finally:
        pool.close_all()
        server.stop()


@pytest.mark.parametrize("kind", TALK)
def test_talk_without_an_end_is_not_listened_to(kind: str) -> None:
    said: list[int] = []
    with talker() as (server, pool):

        def talk(_: int) -> None:
            if not said:
                said.append(1)
                server.say(TALK[kind], 5000)

        with pytest.raises(LimitBroken, match="nobody asked for"), pool.lease(server.target()) as session:
            session.run("sleep 100", timeout=PATIENCE, progress=talk)


def test_new_keys_without_an_end_are_not_exchanged() -> None:
    with talker() as (server, pool), pool.lease(server.target()) as session:
        with pytest.raises(LimitBroken, match="nobody asked for"), pool.lease(server.target()) as other:
            other.run("sleep 100", timeout=PATIENCE, progress=lambda _: server.exchange_keys())
        assert server.exchanges < 200
        assert not session.usable


@pytest.mark.parametrize("kind", MORE_THAN_THERE_IS_ROOM)
def test_what_there_is_no_room_for_is_not_kept(kind: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (
        talker() as (server, pool),
        pytest.raises(LimitBroken, match="room for"),
        pool.lease(server.target()) as session,
    ):
        session.stat("/")  # a channel that nobody reads from meanwhile
        server.say(MORE_THAN_THERE_IS_ROOM[kind], 16 * 1024)
        session.stat("/")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_a_command_that_ends_without_an_exit_status_is_not_waited_for() -> None:
    with talker() as (server, pool), pool.lease(server.target()) as session:
        said: list[int] = []

        def end(_: int) -> None:
            if not said:
                said.append(1)
                server.say(lambda made: (MSG_CHANNEL_EOF, _channel(made)), 1)

        with pytest.raises(TimedOut):
            session.run("sleep 100", timeout=0.5, progress=end)


def test_work_is_not_talk() -> None:
    with talker() as (server, pool), pool.lease(server.target()) as session:
        server.say(TALK["ignored"], 500)
        for _ in range(300):
            assert session.stat("/") is not None
        assert session.run("head -c 5000000 /dev/zero", timeout=PATIENCE).ok
        session.run("head -c 5000000 >&2", stdin=b"x" * 5 * MIB, timeout=PATIENCE)
        server.say(TALK["questions"], 500)
        assert session.usable


class Slow(asyncssh.SFTPServer):
    """Each answer comes in time."""

    async def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        await asyncio.sleep(0.05)
        return cast("asyncssh.SFTPAttrs", super().lstat(path))


@pytest.mark.parametrize(
    "ask", [lambda session: session.stat("/"), lambda session: session.run("sleep 0.05", timeout=9)]
)
def test_answers_that_each_come_in_time_end_with_the_act(ask: Callable[[Session], object]) -> None:
    with talker(Slow) as (server, pool):
        target = server.target(limits=Limits(waits=0.4))
        with (
            pytest.raises(LimitBroken, match=r"0\.4 s in all.*, or raise CLUSTERPORTAL_WAITS"),
            pool.lease(target) as session,
        ):
            for _ in range(20):
                ask(session)
        with pool.lease(target) as session:
            ask(session)
        with pytest.raises(LimitBroken, match=r"0\.2 s in all.*load\.$"), pool.lease(target, 0.2) as session:
            for _ in range(20):
                ask(session)
