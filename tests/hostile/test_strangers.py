"""A server that lies about lengths, or talks without an end, before the login costs neither time nor memory."""

from __future__ import annotations

import resource
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from nodes.errors import Unreachable
from nodes.remote.handshake import shake_hands
from nodes.remote.wire import connect
from tests.deadlines import PATIENCE

GREETING = b"SSH-2.0-stranger\r\n"
OPENINGS = {
    "a packet of two gigabytes": GREETING + struct.pack(">I", 0x7FFFFFF0),
    "a greeting without an end": b"",
}


@pytest.fixture(params=OPENINGS)
def port(request) -> Iterator[int]:
    """A server that says its opening and goes on for as long as anybody listens."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        with suppress(OSError):
            caller, _ = listener.accept()
            with caller:
                caller.sendall(OPENINGS[request.param])
                while True:
                    caller.sendall(b"x" * 65536)

    talking = threading.Thread(target=talk, daemon=True)
    talking.start()
    yield listener.getsockname()[1]
    listener.close()
    talking.join(PATIENCE)


def test_a_stranger_that_never_ends_is_hung_up_on(port: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Unreachable, match=r"ended the connection|no SSH server"):
        shake_hands(connect("127.0.0.1", port, PATIENCE), PATIENCE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
