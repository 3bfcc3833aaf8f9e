"""What a server may send that nobody asked for. The SSH library keeps whatever comes on a channel, and takes or answers
every other message, for as long as they come: memory without a bound, and a processor that is busy for one server."""

from __future__ import annotations

from typing import NoReturn, cast

import paramiko
from paramiko.common import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_REQUEST,
    MSG_GLOBAL_REQUEST,
    MSG_KEXINIT,
    MSG_SERVICE_REQUEST,
    MSG_USERAUTH_REQUEST,
)
from paramiko.packet import Packetizer

from nodes.errors import LimitBroken

SPARE = 1000
"""Messages beyond those that belong to some work: keep-alive questions, new keys, notices."""

ANSWERS = 4
"""Messages that one of our questions may be answered with: consent, room for more, an exit status, an end."""

QUESTIONS = frozenset({
    MSG_SERVICE_REQUEST, MSG_USERAUTH_REQUEST, MSG_GLOBAL_REQUEST, MSG_CHANNEL_OPEN, MSG_CHANNEL_DATA, MSG_CHANNEL_EOF,
    MSG_CHANNEL_CLOSE, MSG_CHANNEL_REQUEST,
})  # fmt: skip
"""Messages of ours that are no answers: whoever asks for an answer must not earn the next question by it."""

NEW_KEYS = 20
"""What an exchange of keys counts for, because of what it costs. OpenSSH wants one after a gigabyte."""


class Listener(Packetizer):
    """The library's reader and writer of messages, which leaves a server that talks far more than it is asked.
    `broken`: why it was left."""

    broken: LimitBroken | None = None
    _heard = 0
    _earned = SPARE

    def send_message(self, data: paramiko.Message) -> None:
        """Send one of ours."""
        if data.asbytes()[0] in QUESTIONS:
            self._earned += ANSWERS  # of several threads; what a race loses is little
        super().send_message(data)

    def read_message(self) -> tuple[int, paramiko.Message]:
        """The next of its. Raises SSHException, which ends the connection, where there are too many."""
        message: tuple[int, paramiko.Message] = super().read_message()
        self._heard += NEW_KEYS if message[0] == MSG_KEXINIT else 1
        if self._heard > self._earned:
            self.give_up("It sends messages that nobody asked for, without an end. Look at its SSH server.")
        return message

    def earn(self) -> None:
        """The last one brought something."""
        self._earned += 2

    def give_up(self, why: str) -> NoReturn:
        """End the connection, for this reason. For its reading thread."""
        self.broken = LimitBroken(why)
        raise paramiko.SSHException(why)


def take_output(channel: paramiko.Channel, message: paramiko.Message) -> None:
    """Bytes of a channel came. For the table of a `Connection`'s reader."""
    room = _room(channel)
    channel._feed(message)  # type: ignore[attr-defined]
    _count(channel, room)


def take_errors(channel: paramiko.Channel, message: paramiko.Message) -> None:
    """The same of its other stream."""
    room = _room(channel)
    channel._feed_extended(message)  # type: ignore[attr-defined]
    _count(channel, room)


def _room(channel: paramiko.Channel) -> int:
    """Bytes that the server may still send: what it was told, and the library does not look at."""
    return channel.in_window_size - len(channel.in_buffer) - len(channel.in_stderr_buffer)


def _count(channel: paramiko.Channel, room: int) -> None:
    listener = cast("Listener", channel.get_transport().packetizer)  # a `Connection`'s
    left = _room(channel)
    if left < 0:
        listener.give_up("It sends more than it was told that there is room for. Look at its SSH server.")
    if left < room:
        listener.earn()
