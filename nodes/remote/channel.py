"""What the library's channels lack: requests with a time limit, sending without copying the rest again and again,
and the signal that ends a remote command."""

from __future__ import annotations

from contextlib import suppress

import paramiko
from paramiko.common import cMSG_CHANNEL_REQUEST

from nodes.errors import SessionLost, TimedOut, Unsupported
from nodes.remote.failures import explained

_ROOM_FOR_HEADER = 64


OPEN_SECONDS = 10.0
"""How long the server may take to open a channel."""


def open_channel(transport: paramiko.Transport, seconds: float = OPEN_SECONDS) -> paramiko.Channel:
    """A session channel. Raises RemoteBusy, Unsupported, TimedOut, SessionLost.

    A connection on which the server opens nothing in time is dead, whatever TCP thinks, and is closed.
    """
    with explained():
        try:
            return transport.open_session(timeout=seconds)
        except paramiko.ChannelException:
            raise
        except paramiko.SSHException as exc:
            timed_out = transport.is_active()
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


def send_all(channel: paramiko.Channel, data: bytes | bytearray) -> None:
    """Send all, in pieces of one network packet. Obeys the channel's time-out; raises EOFError on a closed channel."""
    view = memoryview(data)
    largest = channel.out_max_packet_size - _ROOM_FOR_HEADER
    start = 0
    while start < len(view):
        sent = channel.send(bytes(view[start : start + largest]))
        if not sent:
            raise EOFError
        start += sent


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
    """Close; a connection that is gone already is fine."""
    with suppress(paramiko.SSHException, OSError, EOFError):
        channel.close()
