"""Whether a server is there at all, before anybody waits for it."""

from __future__ import annotations

import time

from nodes.errors import Unreachable
from nodes.remote.ssh_errors import why_unreachable
from nodes.remote.wire import connect


def knock(address: str, port: int, seconds: float) -> None:
    """Call a server and hear its first byte within `seconds`; nothing is sent. Raises Unreachable.

    A hung server's system takes the connection, but nobody greets.
    """
    began = time.monotonic()
    with connect(address, port, seconds) as wire:
        wire.settimeout(max(0.1, began + seconds - time.monotonic()))
        try:
            heard = wire.recv(1)
        except OSError as exc:
            raise why_unreachable(exc) from exc
    if not heard:
        raise Unreachable("The server ended the connection.")
