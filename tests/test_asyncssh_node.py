"""The second SSH server ends, whatever it is at."""

import asyncio
import os
import signal
import threading
from asyncio.base_subprocess import BaseSubprocessTransport

import paramiko
import pytest

from tests.asyncssh_node import AsyncsshNode
from tests.deadlines import PATIENCE


@pytest.fixture
def client():
    with paramiko.SSHClient() as opened:
        opened.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        yield opened


def _log_in(client: paramiko.SSHClient, server: AsyncsshNode) -> None:
    client.connect(
        "127.0.0.1",
        server.port,
        server.username,
        server.password,
        allow_agent=False,
        look_for_keys=False,
        timeout=PATIENCE,
        auth_timeout=PATIENCE,
        banner_timeout=PATIENCE,
    )


def test_it_ends_while_a_command_starts(client, monkeypatch):
    real = BaseSubprocessTransport._connect_pipes
    begun, held = threading.Event(), asyncio.Event()

    async def connect_when_it_is_let(transport, waiter):
        begun.set()
        await held.wait()
        await real(transport, waiter)

    monkeypatch.setattr(BaseSubprocessTransport, "_connect_pipes", connect_when_it_is_let)
    server = AsyncsshNode().start()
    _log_in(client, server)
    client.exec_command("sleep 1000", timeout=PATIENCE)
    assert begun.wait(PATIENCE)

    stopping = threading.Thread(target=server.stop, daemon=True)
    stopping.start()
    client.get_transport().join(PATIENCE)  # the server has let go of it
    server._loop.call_soon_threadsafe(held.set)

    stopping.join(PATIENCE)
    assert not stopping.is_alive()


def test_it_ends_what_it_started_with_all_it_holds(client):
    server = AsyncsshNode().start()
    _log_in(client, server)
    _, out, _ = client.exec_command("setsid sleep 1000 & echo $!; cat >/dev/null", timeout=PATIENCE)
    grandchild = int(out.readline())
    try:
        server.stop()
    finally:
        os.kill(grandchild, signal.SIGKILL)
