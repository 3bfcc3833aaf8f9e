"""The TCP socket under a connection, made for many small messages and for peers that stop reading.

The library writes with a blocking loop that never gives up and reads in slices of a few bytes. Here a write that makes
no progress for STALL_SECONDS breaks the connection, and reads come from one larger buffer. The library reads whatever
length a packet says it has; here an impossible one ends the connection, and so does much from who is not trusted yet.
"""

from __future__ import annotations

import errno
import fcntl
import select
import socket
import struct
import termios
import time

from nodes.remote.pulse import Pulse
from nodes.remote.ssh_errors import why_unreachable

STALL_SECONDS = 10.0
"""The longest a single operation may hang, as leases count on."""

REST_SECONDS = 0.5
"""How long the reading thread of a connection that nobody uses sleeps at once, unless something comes. The library's
tenth of a second, for each connection, adds up with many nodes."""

READ_AHEAD = 256 * 1024

LONGEST_PACKET = 256 * 1024
"""Bytes; servers send 35,000 at most where nothing more was agreed, and nothing more is."""

STRANGERS_BYTES = 1024 * 1024
"""What a server may send before it proved its key and let the portal in: its greeting, keys and banners."""

UNACKNOWLEDGED_MS = 30_000
"""The kernel gives a silent peer up after this long, keep-alives included."""


class WireSocket(socket.socket):
    """A connected socket with read-ahead and a limit for stalled writes. `pulse` is told what comes, or that nothing
    does."""

    pulse: Pulse | None = None
    _ahead = b""
    _used = 0
    _sent = 0
    _of_a_stranger = 0
    _stalled_since: float | None = None

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Up to `size` bytes, from the read-ahead where there are any; `size` is what a packet still lacks."""
        if size > LONGEST_PACKET:
            raise ConnectionAbortedError("a packet of an impossible length")
        if self._used >= len(self._ahead):
            self._ahead, self._used = self._received(max(size, READ_AHEAD), flags), 0
        data = self._ahead[self._used : self._used + size]
        self._used += len(data)
        return data

    def _received(self, size: int, flags: int) -> bytes:
        if self.pulse is not None and not self.pulse.in_use:
            self._rest()
        try:
            data = super().recv(size, flags)
        except TimeoutError:
            if self.pulse is not None:
                self.pulse.silent_turn()
            raise
        if self.pulse is not None:
            self.pulse.heard()
            return data
        self._of_a_stranger += len(data)
        if self._of_a_stranger > STRANGERS_BYTES:
            raise ConnectionAbortedError("too much before a login")
        return data

    def _rest(self) -> None:
        resting = select.poll()
        try:
            resting.register(self, select.POLLIN)
        except ValueError as error:  # closed by another thread meanwhile
            raise OSError(errno.EBADF, "the connection was closed") from error
        resting.poll(REST_SECONDS * 1000)

    def waiting(self) -> int:
        """Bytes that were sent and that the other machine has not acknowledged."""
        return int(struct.unpack("i", fcntl.ioctl(self.fileno(), termios.TIOCOUTQ, bytes(4)))[0])

    def taken(self) -> int:
        """Bytes that the other machine has acknowledged."""
        return self._sent - self.waiting()

    def send(self, data: bytes, flags: int = 0, /) -> int:  # type: ignore[override]  # the library sends bytes only
        """Send; a peer that takes nothing for STALL_SECONDS loses the connection."""
        try:
            sent = super().send(data, flags)
        except TimeoutError:
            self._give_up_if_stalled()
            raise
        self._stalled_since = None
        self._sent += sent
        return sent

    def _give_up_if_stalled(self) -> None:
        now = time.monotonic()
        if self._stalled_since is None:
            self._stalled_since = now
        elif now - self._stalled_since > STALL_SECONDS:
            # both directions, so that the library's reading thread notices as well
            self.shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError("the peer does not read")


def connect(address: str, port: int, timeout: float) -> WireSocket:
    """Open the TCP connection. Raises Unreachable with a short reason."""
    try:
        plain = socket.create_connection((address, port), timeout=timeout)
    except OSError as exc:
        raise why_unreachable(exc) from exc
    except UnicodeError as exc:  # an address that IDNA cannot spell
        raise why_unreachable(socket.gaierror()) from exc
    wire = WireSocket(fileno=plain.detach())
    # measured: a command on an open connection takes 4 ms with this and 49 ms without
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
    return wire


def looked_up(address: str) -> str:
    """The IP address a server's name stands for; "" where that cannot be said."""
    try:
        return str(socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError):
        return ""
