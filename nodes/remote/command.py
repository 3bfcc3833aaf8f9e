"""Running one command: both outputs drained together, input fed as the server takes it, a deadline, cancel.

Asking for the exit status first would stall on more than 2 MiB of output; one loop therefore moves bytes in all
three directions, and tells the caller at least twice a second that it lives, so that the caller can cancel. While
there is input the time counts from the last of it that was taken, and taking it has a pace to keep.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator

import paramiko

from nodes.command import CommandResult
from nodes.errors import LimitBroken, SessionLost, TimedOut, Unsupported
from nodes.remote.channel import OPEN_SECONDS, end, open_channel, request, terminate
from nodes.remote.chunking import cut
from nodes.remote.limits import MIB, Limits, Pace, Waits
from nodes.remote.session import Progress
from nodes.remote.ssh_errors import explained

IDLE_SECONDS = 0.25
"""How often progress is told while nothing moves."""

LINGER_SECONDS = 2.0
"""After the exit status the outputs may stay open for as long without a byte: a child that was left behind (a
detached service, say) would hold them for ever."""

_BLOCKED_INPUT_SECONDS = 0.01
_READ_BYTES = 256 * 1024
_ROOM_FOR_HEADER = 64
_NO_STATUS = -1


class _Bell(threading.Event):
    """Set by either output. The library clears it when one of them runs dry, although the other may have more."""

    def clear(self) -> None:
        """What the library calls; it does nothing."""

    def reset(self) -> None:
        """Clear it. Before the outputs are looked at, never after: what comes in between would be missed."""
        super().clear()


class _Execution:
    """One command on one channel: feeds its input and drains both outputs in turn."""

    def __init__(
        self, channel: paramiko.Channel, stdin: bytes | Iterable[bytes], max_output: int, limits: Limits
    ) -> None:
        self._channel = channel
        self._pace = Pace(limits)
        self._bell = _Bell()
        channel.in_buffer.set_event(self._bell)
        channel.in_stderr_buffer.set_event(self._bell)
        channel.settimeout(0.0)
        self._input: Iterator[bytes] = cut(stdin, channel.out_max_packet_size - _ROOM_FOR_HEADER)
        self._unsent = b""
        self._input_open = True
        self._room = self._agreed = max_output
        self.stdout, self.stderr = bytearray(), bytearray()
        self.fed_at = self._quiet_since = time.monotonic()

    def step(self, patience: float) -> int:
        """Move what can be moved, else wait up to `patience` seconds; answer the bytes moved."""
        self._bell.reset()
        moved = self._drain() + self._feed()
        if moved:
            self._quiet_since = time.monotonic()
        elif not self.finished:
            self._wait(patience)
        return moved

    @property
    def finished(self) -> bool:
        """Whether the command ended and its output is here."""
        channel = self._channel
        # looked at before the outputs: what arrived before the end is then seen there
        closed, has_status = channel.closed, channel.exit_status_ready()
        if channel.recv_ready() or channel.recv_stderr_ready():
            return False
        return closed or (has_status and time.monotonic() - self._quiet_since > LINGER_SECONDS)

    def _wait(self, patience: float) -> None:
        if not self._input_open:
            self._bell.wait(patience)
            return
        # the server takes no input now; the window that opens does not ring
        began = time.monotonic()
        with self._channel.lock:
            self._channel.out_buffer_cv.wait(min(patience, _BLOCKED_INPUT_SECONDS))
        self._pace.waited(time.monotonic() - began)

    def _drain(self) -> int:
        out = err = b""
        with explained():
            if self._channel.recv_ready():
                out = self._channel.recv(_READ_BYTES)
            if self._channel.recv_stderr_ready():
                err = self._channel.recv_stderr(_READ_BYTES)
        return self._keep(self.stdout, out) + self._keep(self.stderr, err)

    def _keep(self, output: bytearray, data: bytes) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise LimitBroken(
                f"A command's answer has more than {self._agreed / MIB:.3g} MiB. Log in there by SSH, and see what its"
                " shell and its commands print."
            )
        output += data
        return len(data)

    def _feed(self) -> int:
        if not self._input_open:
            return 0
        if not self._unsent:
            self._unsent = next(self._input, b"")
        if not self._unsent or self._channel.closed:
            self._input_open = False
            with explained():
                self._channel.shutdown_write()
            return 0
        return self._send() if self._channel.send_ready() else 0

    def _send(self) -> int:
        try:
            sent = self._channel.send(self._unsent)
        except (OSError, EOFError):  # the command or the connection ended; which, the status tells
            sent = 0
        self._unsent = self._unsent[sent:]
        self._pace.waited(0.0, self._pace.worth(sent))
        self.fed_at = time.monotonic() if sent else self.fed_at
        return sent


def run(
    transport: paramiko.Transport,
    command_line: str,
    *,
    stdin: bytes | Iterable[bytes],
    timeout: float,
    max_output: int,
    progress: Progress | None,
    waits: Waits,
) -> CommandResult:
    """`Session.run` on one connection."""
    line = _encoded(command_line)
    began = time.monotonic()
    channel = open_channel(transport, min(timeout, OPEN_SECONDS))
    try:
        with explained():
            request(channel, "exec", line, timeout - (time.monotonic() - began))
        execution = _Execution(channel, stdin, max_output, waits.limits)
        _see_through(execution, timeout, progress, waits)
    except BaseException:
        terminate(channel)
        raise
    end(channel)
    status = _status(channel, transport)
    return CommandResult(status, bytes(execution.stdout), bytes(execution.stderr), time.monotonic() - began)


def _encoded(command_line: str) -> bytes:
    if "\0" in command_line:
        raise Unsupported("A command line cannot hold a NUL character.")
    try:
        return command_line.encode()
    except UnicodeEncodeError as exc:
        raise Unsupported("The command line cannot be spelled in UTF-8.") from exc


def _see_through(execution: _Execution, timeout: float, progress: Progress | None, waits: Waits) -> None:
    while not execution.finished:
        began = time.monotonic()
        remaining = execution.fed_at + timeout - began
        if remaining <= 0:
            raise TimedOut("The command was ended.")
        moved = execution.step(min(remaining, IDLE_SECONDS))
        waits.add(min(time.monotonic() - began, IDLE_SECONDS), moved)
        if progress is not None:
            progress(moved)


def _status(channel: paramiko.Channel, transport: paramiko.Transport) -> int:
    """The exit status; -1 for a command that a signal ended. Raises SessionLost if the connection broke instead."""
    if channel.exit_status == _NO_STATUS:
        # a dying connection closes its channels a moment before it counts as dead
        transport.join(0.2)
        if not transport.is_active():
            raise SessionLost("The command's outcome is unknown.")
    return channel.exit_status
