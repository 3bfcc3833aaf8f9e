"""What the SSH library and the sockets raise, told in the words of `nodes.errors`.

Texts of the library and of the server stay behind: they may be of any length, hold terminal codes or repeat what was
sent. The original is chained as the cause for a debugger, and never printed.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko

from nodes.errors import NodeError, RemoteBusy, SessionLost, TimedOut, Unreachable, Unsupported

ADMINISTRATIVELY_PROHIBITED = 1
"""SSH's reason for a channel that the server's configuration forbids; others mean "not now"."""

_REASONS = {
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "network unreachable",
    errno.ECONNRESET: "the server ended the connection",
    errno.EPIPE: "the server ended the connection",
    errno.ETIMEDOUT: "no answer in time",
}


class HandshakeDropped(Unreachable):
    """The node ended the connection before it said who it is."""


def why_unreachable(exc: OSError) -> Unreachable:
    """A failed TCP connection in a few words."""
    if isinstance(exc, socket.gaierror):
        return Unreachable("The name is not known to DNS.")
    if isinstance(exc, TimeoutError):
        return Unreachable("Connection timed out.")
    reason = _REASONS.get(exc.errno or 0) or (os.strerror(exc.errno) if exc.errno else "connection failed")
    return Unreachable(f"{reason[:1].upper()}{reason[1:]}.")


def _refused_channel(exc: paramiko.ChannelException) -> NodeError:
    if exc.code == ADMINISTRATIVELY_PROHIBITED:
        return Unsupported("The server forbids sessions to this login.")
    return RemoteBusy("The server opens no further channel on this connection.")


def explain(exc: Exception) -> NodeError:
    """What an exception on an open, authenticated connection means."""
    if isinstance(exc, NodeError):
        return exc
    if isinstance(exc, TimeoutError):
        return TimedOut()
    if isinstance(exc, paramiko.ChannelException):
        return _refused_channel(exc)
    return SessionLost()


@contextmanager
def explained() -> Iterator[None]:
    """Translate what the library and the socket raise inside; other exceptions (a cancel, a bug) pass."""
    try:
        yield
    except (paramiko.SSHException, OSError, EOFError) as exc:
        raise explain(exc) from exc
