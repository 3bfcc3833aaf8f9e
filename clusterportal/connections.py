"""Who may be connected to the web server at once: bounded where connections are accepted, before TLS and before a byte.

Where all places are taken, whoever waits longest without having sent a whole request gives way: an honest client asks
at once, so connections that are only held keep nobody out, and descriptors cannot run out.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import socket
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import h11
from django.conf import settings
from uvicorn.protocols.http.h11_impl import H11Protocol

Peer = tuple[str, int]
"""Address and port of a client: the name of its connection."""

LONGEST_LINE = 8 * 1024
"""Bytes of a request line."""

LONGEST_HEAD = 32 * 1024
"""Bytes of a request line and all header fields."""

BATCH = 128
"""Connections that are taken from the system's queue at once, and so may be open beyond the limit for a moment."""

_LINGERS = 2.0  # seconds
_LOG = logging.getLogger(__name__)


class Door:
    """The connections that are open. Used by the event loop's thread alone.

    `most`: how many in all. `each`: how many from one address, unless `is_trusted` knows it: a proxy's, or this
    machine's own.
    """

    def __init__(self, most: int, each: int, is_trusted: Callable[[str], bool]) -> None:
        self._most = most
        self._each = each
        self._is_trusted = is_trusted
        self._open: dict[Peer, socket.socket] = {}
        self._waiting: dict[Peer, None] = {}  # oldest first
        self._of: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, peer: Peer, connection: socket.socket) -> bool:
        """Let one in, if need be in the place of the one that waits longest; False where nobody can give way."""
        source = source_of(peer[0])
        if not self._is_trusted(peer[0]):
            while self._of[source] >= self._each:
                if not self._drop(next((other for other in self._waiting if source_of(other[0]) == source), None)):
                    return False
        while len(self._open) >= self._most:
            if not self._drop(next(iter(self._waiting), None)):
                return False
        self._open[peer] = connection
        self._of[source] += 1
        self._waiting[peer] = None
        return True

    def busy(self, peer: Peer) -> None:
        """It has sent a whole request: it keeps its place until that is answered."""
        self._waiting.pop(peer, None)

    def waits(self, peer: Peer) -> None:
        """It asks for nothing."""
        if peer in self._open:
            self._waiting.setdefault(peer, None)

    def gone(self, peer: Peer, connection: socket.socket) -> None:
        """It was closed."""
        if self._open.get(peer) is connection:
            self._forget(peer)

    def make_room(self) -> None:
        """Have the one that waits longest close, as descriptors ran out."""
        self._drop(next(iter(self._waiting), None))

    def _drop(self, peer: Peer | None) -> bool:
        if peer is None:
            return False
        connection = self._open[peer]
        self._forget(peer)
        _LOG.warning("%s: closed, as others want its place and it sent no whole request", peer[0])
        with contextlib.suppress(OSError):  # it may have ended by itself
            connection.shutdown(socket.SHUT_RDWR)  # the event loop sees its end, and closes it
        return True

    def _forget(self, peer: Peer) -> None:
        del self._open[peer]
        self._waiting.pop(peer, None)
        self._of.subtract([source_of(peer[0])])
        self._of += Counter()  # without those that have none left


@lru_cache(maxsize=4096)
def source_of(address: str) -> str:
    """Whose connections are counted together: an IPv4 address's, or those of a network that one IPv6 host may have."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address


class Accepted(socket.socket):
    """A connection that tells the door when it is closed."""

    left: Callable[[Accepted], None] | None = None

    def close(self) -> None:
        """Close it, and tell."""
        left, self.left = self.left, None
        if left is not None:
            left(self)
        super().close()


class DoorSocket(socket.socket):
    """A listening socket whose connections go through a door."""

    door: Door

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection. Raises BlockingIOError where there is none, or none that may come in."""
        try:
            plain, address = super().accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                # the event loop would log this once for each place in the queue, every second
                self.door.make_room()
                raise BlockingIOError from error
            raise
        peer: Peer = (str(address[0]), int(address[1]))
        connection = Accepted(fileno=plain.detach())
        if not self.door.admit(peer, connection):
            _LOG.warning("%s: refused, as all places are taken", peer[0])
            connection.close()
            raise BlockingIOError
        connection.left = lambda it: self.door.gone(peer, it)
        return connection, address


def trusts(named: str) -> Callable[[str], bool]:
    """Whether an address is exempt from the limit for one: this machine's own, and those that FORWARDED_ALLOW_IPS
    names, comma-separated addresses and networks, or * for all."""
    words = [word.strip() for word in named.split(",") if word.strip()]
    networks = []
    for word in words:
        try:
            networks.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            continue  # a host's name, which is no address

    def is_trusted(text: str) -> bool:
        address = ipaddress.ip_address(text.partition("%")[0])
        own = getattr(address, "ipv4_mapped", None) or address
        return "*" in words or own.is_loopback or any(own in network for network in networks)

    return is_trusted


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which waits neither for a head nor for a reader for ever, and tells the door who asks."""

    door: Door
    _late: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None
    _peer: Peer = ("", 0)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername") or self._peer
        self._peer = (str(peer[0]), int(peer[1]))
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End all waiting."""
        self._head_came()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is the rest of what was refused."""
        if self.conn.their_state is not h11.ERROR:
            super().data_received(data)

    def handle_events(self) -> None:
        """Look at what has come, and whether that is a whole head, or a whole request."""
        super().handle_events()
        if self.conn.their_state is h11.IDLE:
            self._await_head()
        elif self.conn.their_state is not h11.ERROR:
            self._head_came()
            if self.conn.their_state is not h11.SEND_BODY:  # who still sends gives way as who sent nothing
                self.door.busy(self._peer)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.door.waits(self._peer)
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing came after an answer."""
        self._head_came()
        super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self._stuck = self.loop.call_later(settings.PORTAL.head, self.transport.abort)

    def resume_writing(self) -> None:
        """It read."""
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or the head of one that is too long; and close a moment later, as closing what
        still comes in would reset the connection before the answer is read."""
        came, _ = self.conn.trailing_data
        status = HTTPStatus.BAD_REQUEST
        if self._late is not None and len(came) > LONGEST_HEAD:
            first = b"\n" in came[:LONGEST_LINE]
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if first else HTTPStatus.REQUEST_URI_TOO_LONG
        self.transport.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
            f"Content-Type: text/plain\r\nContent-Length: {len(status.phrase)}\r\n\r\n{status.phrase}".encode()
        )
        self._head_came()
        self._late = self.loop.call_later(_LINGERS, self.transport.close)

    def _await_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(settings.PORTAL.head, self._give_up)

    def _head_came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        self.logger.warning("%s: closed, as no whole request head came", self._peer[0])
        self.transport.abort()
