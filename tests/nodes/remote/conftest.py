"""Servers for the tests of the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nodes.remote.ssh import SshSession, open_transport
from nodes.remote.target import SshTarget
from tests.asyncssh_node import AsyncsshNode
from tests.proxy import Proxy
from tests.sshd import SshdServer


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def sshd(tmp_path, cleanup) -> Callable[..., SshdServer]:
    """Starts servers that end with the test."""
    count = iter(range(100))

    def start(**options) -> SshdServer:
        server = SshdServer.start(tmp_path / f"sshd{next(count)}", **options)
        cleanup.callback(server.stop)
        return server

    return start


@pytest.fixture
def asyncssh_node(cleanup) -> Callable[..., AsyncsshNode]:
    """Starts asyncssh servers that end with the test."""

    def start(**options) -> AsyncsshNode:
        server = AsyncsshNode(**options).start()
        cleanup.callback(server.stop)
        return server

    return start


@pytest.fixture
def proxy(cleanup) -> Callable[[int], Proxy]:
    """Starts relays that end with the test."""

    def start(port: int) -> Proxy:
        relay = Proxy(port)
        cleanup.callback(relay.close)
        return relay

    return start


@pytest.fixture
def session(cleanup) -> Callable[..., SshSession]:
    """Opens sessions that end with the test."""

    def start(target: SshTarget, **options) -> SshSession:
        transport = open_transport(target)
        cleanup.callback(transport.close)
        return SshSession(transport, **options)

    return start


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder on the node."""
    made = tmp_path / "tree"
    made.mkdir()
    return made
