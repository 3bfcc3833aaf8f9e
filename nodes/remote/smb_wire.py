"""The TCP connection to a file server, with a bound for whatever the library waits for, and for what it takes in.

The library waits for ever, reads packets of any length and keeps what it is sent; a file server is nobody's to trust
until it proved to know the password, and may be broken after. Every connection stands by itself: the library's cache
of connections, which those with different logins would share, is not used.
"""

from __future__ import annotations

import ipaddress
import math
import select
import socket
import time
import uuid
from contextlib import suppress
from typing import Any

from smbprotocol.connection import Connection
from smbprotocol.exceptions import SMBConnectionClosed, SMBException, SMBResponseException
from smbprotocol.header import Commands, NtStatus, Smb2Flags
from smbprotocol.transport import Tcp
from smbprotocol.tree import SMB2TreeConnectResponse

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
"""The longest that one request waits, also for a server that says that it is at it."""

LONGEST_PACKET = 128 * 1024
"""Bytes; nothing is asked for that takes more."""

MOST_BYTES = 8 * 1024 * 1024
"""What one connection may bring in all."""

MOST_ADDRESSES = 4
"""Of those that a name has, so many are tried."""

_IPV6_LITERAL = ".ipv6-literal.net"


class Unsigned(SMBException):
    """An answer that anybody could have written."""


class NotSmb(Exception):
    """What comes is more than the protocol allows, or than was asked for."""


class Deadline:
    """The moment at which everything has ended."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def left(self, most: float) -> float:
        """Seconds for the next wait. Raises TimeoutError when there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for all of it is over")
        return min(most, left)


class BoundedTcp(Tcp):
    """Packets in and out. Closing it ends whoever waits in `recv`; the descriptor goes with `end`."""

    def __init__(self, server: str, port: int, deadline: Deadline) -> None:
        super().__init__(server, port)
        self._deadline = deadline
        self._taken = 0

    def connect(self) -> None:
        """Raises OSError."""
        self._sock = _connected(self.server, self.port, self._deadline)
        self.connected = True

    def send(self, header: Any) -> None:
        """Send one packet, which is bytes, or not packed yet where it is encrypted. Raises TimeoutError where the
        server does not take it."""
        packet = header if isinstance(header, bytes) else header.pack()
        with self._sock_lock:
            self._sock.settimeout(self._deadline.left(ANSWER_SECONDS))
            self._sock.sendall(len(packet).to_bytes(4, "big") + packet)

    def recv(self, timeout: float) -> bytes:
        """The next packet; empty at the end. The deadline is the bound, not `timeout`."""
        size = int.from_bytes(self._exactly(4), "big")
        if size > LONGEST_PACKET:
            raise NotSmb("a packet of an impossible length")
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        held = bytearray()
        while len(held) < size:
            piece = self._piece(size - len(held))
            if not piece:
                self.close()  # the library asks whether there is a connection, not whether an answer came
                return b""
            held += piece
        return bytes(held)

    def _piece(self, size: int) -> bytes:
        # who waits for an answer counts the time, and closes this when it is over
        resting = select.poll()
        resting.register(self._sock, select.POLLIN)
        resting.poll()
        piece: bytes = self._sock.recv(size)
        self._taken += len(piece)
        if self._taken > MOST_BYTES:
            raise NotSmb("too much in all")
        return piece

    def close(self) -> None:
        """End the conversation, whoever is in the middle of it."""
        self.connected = False
        if self._sock is not None:
            with suppress(OSError):  # the server may have been quicker
                self._sock.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Give the descriptor back, when nobody reads any more."""
        if self._sock is not None:
            self._sock.close()


class BoundedConnection(Connection):
    """A conversation with one file server, all of it by one deadline, all answers signed. `maximal_access`: what the
    share that was connected last lets this login do at most, as bits of the protocol."""

    maximal_access = 0

    def __init__(self, server: str, port: int, deadline: Deadline) -> None:
        self._wire: BoundedTcp | None = None
        self._deadline = deadline
        super().__init__(uuid.uuid4(), server, port, require_signing=True)

    @property
    def transport(self) -> BoundedTcp | None:
        """What the library sends and receives by."""
        return self._wire

    @transport.setter
    def transport(self, made: Tcp | None) -> None:
        """In the place of the one that the library makes."""
        self._wire = BoundedTcp(made.server, made.port, self._deadline) if made is not None else None

    def receive(self, request: Any, wait: bool = True, timeout: float | None = None, **_: Any) -> Any:
        """The answer to a request, in time, signed, and leading nowhere else. Raises TimeoutError."""
        left = self._deadline.left(ANSWER_SECONDS)
        until = time.monotonic() + left
        if not request.response_event.wait(left):
            raise TimeoutError("no answer in time")
        try:
            # waits again where the server said that it is at it; the library cuts seconds to whole ones, downwards
            response = super().receive(
                request, wait, timeout=math.ceil(until - time.monotonic()) + 1, resolve_symlinks=False
            )
        except SMBResponseException:
            raise
        except SMBException as error:
            if time.monotonic() >= until:
                raise TimeoutError("no answer in time") from error
            raise
        if response["command"].get_value() == Commands.SMB2_TREE_CONNECT:
            share = SMB2TreeConnectResponse()
            share.unpack(response["data"].get_value())
            self.maximal_access = share["maximal_access"].get_value()
        return response

    def verify_signature(self, header: Any, session_id: int, force: bool = False) -> None:
        """Called for whatever came that was not encrypted, before anybody sees it. The library lets pass what bears no
        signature, and what only says that it belongs to a login. Raises SMBException."""
        request = self.outstanding_requests.get(header["message_id"].get_value())
        session = self.session_table.get(request.session_id) if request is not None else None
        if session is None or header["status"].get_value() == NtStatus.STATUS_PENDING:  # which says nothing yet
            super().verify_signature(header, session_id, force)
            return
        if session.encrypt_data or not header["flags"].has_flag(Smb2Flags.SMB2_FLAGS_SIGNED):
            raise Unsigned("an answer without a signature")
        super().verify_signature(header, request.session_id, force=True)

    def cause(self, error: Exception) -> Exception:
        """What ended the reading, where `error` only says that it has ended."""
        ended = isinstance(error, SMBConnectionClosed | OSError) and not isinstance(error, TimeoutError)
        return self._t_exc or error if ended else error

    def end(self) -> None:
        """Leave nothing behind: the server ends what a connection held when the connection ends."""
        if self._wire is not None:
            self.disconnect(close=False)
            self._wire.end()


def _connected(server: str, port: int, deadline: Deadline) -> socket.socket:
    """A TCP connection to the first address that takes one. Raises OSError."""
    found = socket.getaddrinfo(address_of(server), port, type=socket.SOCK_STREAM)[:MOST_ADDRESSES]
    failed: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for family, kind, protocol, _, address in found:
        one = socket.socket(family, kind, protocol)
        try:
            one.settimeout(deadline.left(CONNECT_SECONDS))
            one.connect(address)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            one.close()
            failed = error
        else:
            return one
    raise failed


def address_of(server: str) -> str:
    """What to look up for a server's name in a path: Windows spells IPv6 addresses as names that nobody serves."""
    if not server.lower().endswith(_IPV6_LITERAL):
        return server
    address = server[: -len(_IPV6_LITERAL)].replace("-", ":").replace("s", "%")
    try:
        return str(ipaddress.IPv6Address(address))
    except ValueError:
        return server
