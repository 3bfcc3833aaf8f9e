"""What the library's channels lack: requests with a time limit, sending without copying the rest again and again,
the signal that ends a remote command, and closing in order.

The library's reader thread answers a server's CLOSE by itself, while the channel's owner may be about to send more.
What is sent after that answer reaches a channel that the server has forgotten, and it ends the whole connection; or a
new channel that was given the same number, whose command then waits for ever for the end of its input. So the reader
only notes the server's CLOSE, and the owner answers it when it has sent everything.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from weakref import WeakSet

import paramiko
from paramiko.common import cMSG_CHANNEL_CLOSE, cMSG_CHANNEL_REQUEST

from nodes.errors import SessionLost, TimedOut, Unsupported
from nodes.remote.limits import Pace
from nodes.remote.ssh_errors import explained

_ROOM_FOR_HEADER = 64


OPEN_SECONDS = 10.0
"""How long the server may take to open a channel."""

REFUSAL_SECONDS = 1.0
_AGAIN_SECONDS = 0.02
_RESOURCE_SHORTAGE = 4


class _Unanswered:
    """The channels that the server closed and whose owner has not answered yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: WeakSet[paramiko.Channel] = WeakSet()

    def add(self, channel: paramiko.Channel) -> None:
        with self._lock:
            self._channels.add(channel)

    def take(self, channel: paramiko.Channel) -> bool:
        """Remove a channel; whether it was among them."""
        with self._lock:
            found = channel in self._channels
            self._channels.discard(channel)
            return found


_UNANSWERED = _Unanswered()


def note_close(channel: paramiko.Channel, _: paramiko.Message) -> None:
    """The server closed a channel: nothing more comes from it. For the table of a `Connection`'s reader."""
    with channel.lock:
        if channel.closed:  # we closed first, and this is the answer
            channel.get_transport()._unlink_channel(channel.chanid)  # type: ignore[attr-defined]
            return
        _UNANSWERED.add(channel)
        channel._set_closed()  # type: ignore[attr-defined]


def open_channel(transport: paramiko.Transport, seconds: float = OPEN_SECONDS) -> paramiko.Channel:
    """A session channel. Raises RemoteBusy, Unsupported, TimedOut, SessionLost.

    A connection on which the server opens nothing in time is dead, whatever TCP thinks, and is closed. A refusal is
    believed after a second only: OpenSSH counts a session a moment longer than its channel lives.
    """
    refused_until = time.monotonic() + REFUSAL_SECONDS
    while True:
        with explained():
            try:
                return _opened(transport, seconds)
            except paramiko.ChannelException:
                if time.monotonic() > refused_until:
                    raise
        time.sleep(_AGAIN_SECONDS)


def _opened(transport: paramiko.Transport, seconds: float) -> paramiko.Channel:
    """Open a session channel. Raises ChannelException where the server refuses, also where the library has lost the
    reason: it keeps one for the whole connection, and another thread that was refused, too, may have taken it."""
    began = time.monotonic()
    try:
        return transport.open_session(timeout=seconds)
    except paramiko.ChannelException:
        raise
    except paramiko.SSHException as exc:
        timed_out = transport.is_active()
        if timed_out and time.monotonic() - began < seconds:
            raise paramiko.ChannelException(_RESOURCE_SHORTAGE, "refused") from exc
        transport.close()
        raise TimedOut("No channel was opened.") if timed_out else SessionLost() from exc


def request(channel: paramiko.Channel, kind: str, payload: bytes, seconds: float) -> None:
    """Ask for a subsystem or a command and wait for the server's consent. The library would wait for ever.

    Raises Unsupported where the server declines, TimedOut, SessionLost.
    """
    channel.event.clear()
    channel.event_ready = False
    _send_request(channel, kind, paramiko.Message().add_string(payload), wants_reply=True)
    if not channel.event.wait(seconds):
        raise TimedOut("The request for a channel was not answered.")
    if channel.event_ready:
        return
    if channel.get_transport().is_active() and channel.eof_sent:  # it declined; the library closed the channel
        raise Unsupported("The server offers no SFTP." if kind == "subsystem" else "The server runs no commands.")
    raise SessionLost()


def _send_request(channel: paramiko.Channel, kind: str, payload: paramiko.Message, *, wants_reply: bool) -> None:
    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string(kind)
    message.add_boolean(wants_reply)
    message.add_bytes(payload.asbytes())
    # private: the public methods of the library wait without a limit
    channel.get_transport()._send_user_message(message)  # type: ignore[attr-defined]


def send_all(channel: paramiko.Channel, data: bytes | bytearray, pace: Pace) -> None:
    """Send all, in pieces of one network packet. Obeys the channel's time-out for each piece, and the pace; raises
    EOFError on a closed channel, LimitBroken."""
    view = memoryview(data)
    largest = channel.out_max_packet_size - _ROOM_FOR_HEADER
    start = 0
    while start < len(view):
        began = time.monotonic()
        sent = channel.send(bytes(view[start : start + largest]))
        if not sent:
            raise EOFError
        start += sent
        pace.waited(time.monotonic() - began, pace.worth(sent))


def terminate(channel: paramiko.Channel) -> None:
    """End the command on a channel as far as the server helps, and close the channel.

    Closing takes its standard streams away: what reads or writes them ends (a listing, a hash, an unpacking tar do).
    For what does neither, TERM and KILL signals are asked for first; OpenSSH sends them to the command's process
    group unless the login is root's, where it refuses. On Windows and for root such a command runs on to its own end.
    """
    with suppress(paramiko.SSHException, OSError, EOFError):
        for name in () if channel.closed else ("TERM", "KILL"):
            _send_request(channel, "signal", paramiko.Message().add_string(name), wants_reply=False)
    end(channel)


def end(channel: paramiko.Channel) -> None:
    """Close, or answer the server that did; a connection that is gone already is fine. Nothing is sent on it later."""
    with suppress(paramiko.SSHException, OSError, EOFError):
        if _UNANSWERED.take(channel):
            _answer_close(channel)
        else:
            channel.close()


def _answer_close(channel: paramiko.Channel) -> None:
    transport = channel.get_transport()
    # first: the server may give the number away as soon as it has the answer
    transport._unlink_channel(channel.chanid)  # type: ignore[attr-defined]
    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_CLOSE)
    message.add_int(channel.remote_chanid)
    transport._send_user_message(message)  # type: ignore[attr-defined]
