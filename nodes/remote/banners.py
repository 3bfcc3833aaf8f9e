"""Ask many addresses whether a server greets there: a TCP connection, its first line, and good-bye.

Nothing is sent. One loop over non-blocking sockets, so that the number of open connections is exactly known.
"""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nodes.one_line import one_line

MOST_SOCKETS = 64
"""Connections open at once: polite to switches, and far below a process' limit of files."""

CONNECT_SECONDS = 1.5
GREETING_SECONDS = 4.0
"""A mail server may look the caller up before it greets; longer than this is no greeting."""

LONGEST = 2048
"""Bytes of a greeting that are read."""

TURN_SECONDS = 0.1

_UNDER_WAY = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to knock. `opening`: what a greeting begins with, such as `SSH-`; lines before it are passed over."""

    address: str
    port: int
    opening: bytes


@dataclass(frozen=True, slots=True)
class Banner:
    """What came of one door: the greeting's line without its end, "" where there was none."""

    door: Endpoint
    greeting: str


@dataclass(slots=True)
class _Open:
    """A connection under way."""

    door: Endpoint
    socket: socket.socket
    until: float
    connected: bool = False
    held: bytes = b""


@dataclass(slots=True)
class Knocking:
    """Knock at many doors. `most` is the highest number of sockets that were open at once."""

    doors: Iterable[Endpoint]
    sockets: int = MOST_SOCKETS
    connect_seconds: float = CONNECT_SECONDS
    greeting_seconds: float = GREETING_SECONDS
    most: int = 0
    _waiting: deque[Endpoint] = field(default_factory=deque)
    _ended: deque[Banner] = field(default_factory=deque)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def run(self) -> Iterator[tuple[Banner, ...]]:
        """What ended since the last turn, possibly nothing, about ten times a second; every door once. Closes what is
        open when the caller stops early."""
        self._waiting = deque(self.doors)
        try:
            while self._waiting or self._open():
                self._fill()
                for key, _ in self._selector.select(TURN_SECONDS):
                    self._go_on(key.data)
                self._expire()
                yield tuple(self._ended)
                self._ended.clear()
        finally:
            for one in self._open():
                self._close(one)
            self._selector.close()

    def _open(self) -> list[_Open]:
        return [key.data for key in self._selector.get_map().values()]

    def _fill(self) -> None:
        while self._waiting and len(self._selector.get_map()) < self.sockets:
            self._knock(self._waiting.popleft())

    def _knock(self, door: Endpoint) -> None:
        family = socket.AF_INET6 if ":" in door.address else socket.AF_INET
        try:
            one = _Open(door, socket.socket(family, socket.SOCK_STREAM), time.monotonic() + self.connect_seconds)
        except OSError:
            # this machine does not speak that family
            self._ended.append(Banner(door, ""))
            return
        one.socket.setblocking(False)
        outcome = one.socket.connect_ex((door.address, door.port))
        if outcome and outcome not in _UNDER_WAY:
            one.socket.close()
            self._ended.append(Banner(door, ""))
            return
        self._selector.register(one.socket, selectors.EVENT_WRITE, one)
        self.most = max(self.most, len(self._selector.get_map()))

    def _go_on(self, one: _Open) -> None:
        if one.connected:
            self._read(one)
        elif one.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._end(one, "")
        else:
            one.connected, one.until = True, time.monotonic() + self.greeting_seconds
            self._selector.modify(one.socket, selectors.EVENT_READ, one)

    def _read(self, one: _Open) -> None:
        try:
            piece = one.socket.recv(LONGEST)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        one.held += piece
        *lines, _ = one.held.split(b"\n")
        line = next((line for line in lines if line.startswith(one.door.opening)), None)
        if line is not None:
            self._end(one, readable(line))
        elif not piece or len(one.held) >= LONGEST:
            self._end(one, "")

    def _expire(self) -> None:
        now = time.monotonic()
        for one in self._open():
            if now > one.until:
                self._end(one, "")

    def _end(self, one: _Open, greeting: str) -> None:
        self._close(one)
        self._ended.append(Banner(one.door, greeting))

    def _close(self, one: _Open) -> None:
        self._selector.unregister(one.socket)
        one.socket.close()


def readable(line: bytes) -> str:
    """A stranger's line as printable text of at most 200 characters."""
    return one_line(line.decode("utf-8", "replace"), 200)
