"""One SFTP channel: many requests in flight, answers by number, every wait bounded.

Requests gather in a buffer and leave together, so that a window of 64 renames is a few network packets. A channel
on which something went wrong (no answer in time, a broken line, nonsense) is closed and never used again.
"""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import paramiko

from nodes.errors import LimitBroken, NodeError, OutputUnreadable, SessionLost, TimedOut
from nodes.remote.channel import end, open_channel, request, send_all
from nodes.remote.limits import ANSWER_WORTH, USUAL, Limits, Pace, Waits
from nodes.remote.packets import VERSION, Kind, Reply, extensions_in
from nodes.remote.ssh_errors import explained

ANSWER_SECONDS = 10.0
"""How long one answer may take; leases count on no operation hanging longer."""

WINDOW = 64
"""Requests in flight; OpenSSH's own client uses as many."""

_TURN_SECONDS = 0.002
LARGEST_PACKET = 256 * 1024
"""Bytes of an answer; OpenSSH's client takes no more either. A window of them is held at once."""

_FLUSH_BYTES = 128 * 1024
_READ_BYTES = 512 * 1024
_HEADER = struct.Struct(">IBI")


class SftpChannel:
    """An SFTP subsystem on an authenticated connection. For one thread at a time."""

    def __init__(
        self,
        transport: paramiko.Transport,
        patience: float = ANSWER_SECONDS,
        limits: Limits = USUAL,
        waits: Waits | None = None,
    ) -> None:
        self._patience = patience
        self._pace, self._waits = Pace(limits), waits or Waits(limits)
        self._number = 0
        self._answers: dict[int, Reply | None] = {}
        self._forgotten: set[int] = set()
        self._sent: dict[int, int] = {}
        self._outbox = bytearray()
        self._inbox = bytearray()
        self.broken = False
        self._why = ""
        self._channel = open_channel(transport, patience)
        with self._guarded():
            request(self._channel, "subsystem", b"sftp", patience)
            send_all(self._channel, struct.pack(">IBI", 5, Kind.INIT, VERSION), self._pace)
            kind, body = self._packet(patience)
            self.extensions = extensions_in(Reply(kind, body).fields(Kind.VERSION).data)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Translate failures, and close the channel: after one its stream can no longer be trusted."""
        if self.broken:
            raise SessionLost(self._why)
        try:
            with explained():
                yield
        except BaseException as error:
            self.broken = True
            self._why = error.detail if isinstance(error, NodeError) else ""
            end(self._channel)
            raise

    def post(self, kind: Kind, body: bytes) -> int:
        """Queue a request; answer its number for `wait` or `forget`."""
        self._number = (self._number + 1) & 0xFFFFFFFF
        self._answers[self._number] = None
        self._sent[self._number] = len(body)
        self._outbox += _HEADER.pack(len(body) + 5, kind, self._number)
        self._outbox += body
        if len(self._outbox) >= _FLUSH_BYTES:
            self.flush()
        return self._number

    def flush(self) -> None:
        """Send what is queued."""
        if not self._outbox:
            return
        data, self._outbox = self._outbox, bytearray()
        with self._guarded():
            self._channel.settimeout(self._patience)
            send_all(self._channel, data, self._pace)

    def wait(self, number: int, patience: float | None = None) -> Reply:
        """The answer to a request. Raises TimedOut, SessionLost. `patience` (seconds) where it may take longer."""
        self.flush()
        seconds = self._patience if patience is None else patience
        with self._guarded():
            while (answer := self._answers[number]) is None:
                self._receive(seconds)
        del self._answers[number]
        return answer

    def answered(self, number: int, seconds: float) -> bool:
        """Whether a request is answered within so many seconds; if not, the channel stays as good as it was."""
        self.flush()
        until = time.monotonic() + seconds
        while self._answers[number] is None:
            if not self._inbox and not self._rings(until):
                return False
            with self._guarded():
                self._receive(self._patience)
        return True

    def _rings(self, until: float) -> bool:
        """Whether something comes in until then; an end counts, too."""
        while not (self._channel.recv_ready() or self._channel.closed or self._channel.eof_received):
            if time.monotonic() > until:
                return False
            time.sleep(_TURN_SECONDS)
        return True

    def forget(self, numbers: Iterable[int]) -> None:
        """Drop the answers to these requests when they come."""
        for number in numbers:
            if number in self._answers and self._answers.pop(number) is None:
                self._forgotten.add(number)

    def ask(self, kind: Kind, body: bytes) -> Reply:
        """A request and its answer."""
        return self.wait(self.post(kind, body))

    def ask_many(self, requests: Iterable[tuple[Kind, bytes]]) -> Iterator[Reply]:
        """Answers in order, with WINDOW requests in flight."""
        flying: deque[int] = deque()
        try:
            for kind, body in requests:
                flying.append(self.post(kind, body))
                if len(flying) >= WINDOW:
                    # half a window at once: the next half leaves as one piece while the server still works
                    while len(flying) > WINDOW // 2:
                        yield self.wait(flying.popleft())
            while flying:
                yield self.wait(flying.popleft())
        finally:
            self.forget(flying)

    def release(self, handle: bytes) -> None:
        """Close a file or folder handle without waiting for the answer."""
        if not self.broken:
            self.forget([self.post(Kind.CLOSE, handle)])
            self.flush()

    def close(self) -> None:
        """End the channel."""
        self.broken = True
        end(self._channel)

    def _receive(self, seconds: float) -> None:
        began = time.monotonic()
        kind, body = self._packet(seconds)
        if len(body) < 4:
            raise OutputUnreadable("An SFTP answer is cut short.")
        number = int.from_bytes(body[:4], "big")
        if number in self._forgotten:
            self._forgotten.discard(number)
        elif number in self._answers and self._answers[number] is None:
            self._answers[number] = Reply(kind, body[4:])
        else:
            raise OutputUnreadable("It answers on SFTP what nobody asked.")
        # a portal that was stopped meanwhile did not wait any longer than it would have
        waited, moved = min(time.monotonic() - began, seconds), self._sent.pop(number, 0) + len(body)
        self._pace.waited(waited, self._worth(kind, moved))
        self._waits.add(waited, moved)

    def _worth(self, kind: int, moved: int) -> float:
        """The seconds that an exchange may take: a piece of a file by its bytes, anything else at least a while."""
        worth = self._pace.worth(moved)
        return worth if kind == Kind.DATA else max(worth, ANSWER_WORTH)

    def _packet(self, seconds: float) -> tuple[int, bytes]:
        deadline = time.monotonic() + seconds
        self._fill(4, deadline)
        length = int.from_bytes(self._inbox[:4], "big")
        if not 1 <= length <= LARGEST_PACKET:
            raise LimitBroken(f"Its file service speaks of an answer of {length} bytes. Look at its SFTP server.")
        self._fill(4 + length, deadline)
        kind, body = self._inbox[4], bytes(self._inbox[5 : 4 + length])
        del self._inbox[: 4 + length]
        return kind, body

    def _fill(self, count: int, deadline: float) -> None:
        while len(self._inbox) < count:
            remaining = deadline - time.monotonic()
            if remaining <= 0:  # one answer dripping in is as dead as none
                raise TimedOut("No answer from its file service.")
            self._channel.settimeout(remaining)
            data = self._channel.recv(_READ_BYTES)
            if not data:
                raise EOFError
            self._inbox += data
