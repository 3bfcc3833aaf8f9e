"""One authenticated connection a target in this process, shared by its threads.

A lease hands out a session of its own on that connection. Connections are made when first needed (so never before a
fork; a forked child forgets its parent's), checked when they were idle, and closed after some idle time.
"""

from __future__ import annotations

import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

from nodes.errors import LimitBroken, NodeError, RemoteBusy, SessionLost, Unreachable
from nodes.remote.handshake import Connection
from nodes.remote.ssh import SshSession, open_transport
from nodes.remote.ssh_errors import HandshakeDropped
from nodes.remote.target import SshTarget

SESSIONS_EACH = 4
"""Sessions at once on one connection: each has an SFTP channel and runs one command, so 8 of sshd's default 10."""

HANDSHAKES_EACH = 4
"""Logins under way at once to one server; sshd starts to drop newcomers at 10 (MaxStartups)."""

ATTEMPTS = 4
BACK_OFF_SECONDS = 0.2
"""Doubled after each attempt that the server dropped, and spread at random so that callers do not meet again."""

IDLE_SECONDS = 120.0
CHECK_AFTER_SECONDS = 10.0
"""A session that rested this long is asked for a sign of life before it is handed out."""

CHECK_PATIENCE = 2.5
"""How long that sign may take; any answer of a server that lives is quicker."""

WAIT_SECONDS = 60.0

DOWN_SECONDS = 2.0
"""How long the caller waits for a server that could not be reached last time. Its connection goes on being opened, and
is there for the next caller."""


@dataclass(slots=True, eq=False)
class _Line:
    """A connection and its sessions. Guarded by the pool's lock."""

    connection: Connection
    resting: list[tuple[SshSession, float]] = field(default_factory=list)
    leased: int = 0
    idle_since: float = 0.0

    def close(self) -> None:
        self.connection.close()


_POOLS: weakref.WeakSet[SessionPool] = weakref.WeakSet()


def _forget_after_fork() -> None:
    """In the child, before it has a second thread: two that leased at once would each find half of the old pool."""
    for pool in _POOLS:
        pool.forget()


os.register_at_fork(after_in_child=_forget_after_fork)


class SessionPool:
    """Connections by target. Safe for many threads."""

    def __init__(
        self,
        *,
        opener: Callable[[SshTarget], Connection] = open_transport,
        idle_seconds: float = IDLE_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._opener, self._idle_seconds, self._wait_seconds = opener, idle_seconds, wait_seconds
        self._start_anew()
        _POOLS.add(self)

    def _start_anew(self) -> None:
        self._changed = threading.Condition()
        self._lines: dict[SshTarget, _Line] = {}
        self._opening: dict[SshTarget, Future[_Line]] = {}
        self._doors: dict[tuple[str, int], threading.BoundedSemaphore] = {}
        self._down: set[tuple[str, int]] = set()
        self._reaper: threading.Thread | None = None

    @contextmanager
    def lease(self, target: SshTarget, waits: float | None = None) -> Iterator[SshSession]:
        """A session for one thread, for the time of the block. `waits`: seconds that it may wait for the server in all,
        where they are less than the target's.

        Raises what `open_transport` raises, RemoteBusy where all sessions of the target stay leased for long,
        Unreachable where the server falls silent within the block, HostKeyMismatch where it shows another key there,
        LimitBroken where it sends without an end what nobody asked for.
        """
        line, session = self._take(target)
        session.begin(waits)
        try:
            yield session
        except NodeError as error:
            if (mismatch := line.connection.other_key) is not None:
                raise mismatch from error
            if (broken := line.connection.broken) is not None:
                raise LimitBroken(broken.detail) from error
            if not line.connection.fell_silent:
                raise
            self._down.add(target.endpoint)
            raise Unreachable("It fell silent.") from error
        finally:
            self._give_back(target, line, session)

    def close_all(self) -> None:
        """Close every connection; leases under way fail with SessionLost."""
        with self._changed:
            lines = list(self._lines.values())
            self._lines.clear()
            self._changed.notify_all()
        for line in lines:
            line.close()

    def close_idle(self) -> None:
        """Close the connections that rested for longer than the idle time."""
        latest = time.monotonic() - self._idle_seconds
        with self._changed:
            idle = [(t, line) for t, line in self._lines.items() if not line.leased and line.idle_since <= latest]
            for target, _ in idle:
                del self._lines[target]
        for _, line in idle:
            line.close()

    @property
    def size(self) -> int:
        """Connections that are open now."""
        return len(self._lines)

    def forget(self) -> None:
        """Let go of all connections without a word to the servers: in a forked child they stay the parent's."""
        inherited = list(self._lines.values())
        self._start_anew()
        for line in inherited:
            line.connection.abandon()

    def _take(self, target: SshTarget) -> tuple[_Line, SshSession]:
        deadline = time.monotonic() + self._wait_seconds
        while True:
            line = self._line(target, deadline)
            session = self._session_of(target, line, deadline)
            if session is not None:
                return line, session
            if time.monotonic() > deadline:
                raise SessionLost("It breaks as soon as it is opened.")

    def _session_of(self, target: SshTarget, line: _Line, deadline: float) -> SshSession | None:
        """A session of this line, counted as leased; None where the line turned out to be gone."""
        with self._changed:
            while line.leased >= SESSIONS_EACH and self._lines.get(target) is line:
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise RemoteBusy("All sessions to it stayed in use.")
            if self._lines.get(target) is not line:
                return None
            line.leased += 1
            line.connection.use(True)
            new = SshSession(line.connection, limits=target.limits)
            session, since = line.resting.pop() if line.resting else (new, time.monotonic())
        rested = time.monotonic() - since > CHECK_AFTER_SECONDS
        if session.usable and rested and not session.answers(CHECK_PATIENCE):
            self._down.add(target.endpoint)
        elif session.usable:
            return session
        self._drop(target, line)
        return None

    def _line(self, target: SshTarget, deadline: float) -> _Line:
        """The connection to a target; one thread opens it, the others wait and share its failure too.

        So a wrong password is tried once however many threads ask for it.
        """
        with self._changed:
            line = self._lines.get(target)
            if line is not None and line.connection.is_active():
                return line
            opening = self._opening.get(target)
            mine = opening is None
            if opening is None:
                opening = self._opening[target] = Future()
        if mine:
            threading.Thread(target=self._open, args=(target, opening), name="ssh-open", daemon=True).start()
        patience = deadline - time.monotonic()
        if target.endpoint in self._down:
            patience = min(patience, DOWN_SECONDS)
        try:
            return opening.result(max(0.0, patience))
        except TimeoutError as exc:
            raise Unreachable("The connection is still being opened.") from exc

    def _open(self, target: SshTarget, opening: Future[_Line]) -> None:
        try:
            line = _Line(self._knock(target))
        except BaseException as exc:  # noqa: BLE001  # whatever it is, those who wait must get it
            with self._changed:
                del self._opening[target]
                if isinstance(exc, Unreachable):
                    self._down.add(target.endpoint)
            opening.set_exception(exc)
            return
        with self._changed:
            stale = self._lines.pop(target, None)
            self._lines[target] = line
            del self._opening[target]
            self._down.discard(target.endpoint)
            line.idle_since = time.monotonic()
            self._changed.notify_all()
        opening.set_result(line)
        if stale is not None:
            stale.close()
        self._see_to_idle_ones()

    def _knock(self, target: SshTarget) -> Connection:
        with self._changed:
            door = self._doors.setdefault(target.endpoint, threading.BoundedSemaphore(HANDSHAKES_EACH))
        for attempt in range(ATTEMPTS):
            try:
                with door:
                    return self._opener(target)
            except HandshakeDropped:  # too many at once, most likely; nothing of the login was sent
                if attempt == ATTEMPTS - 1:
                    raise
            time.sleep(BACK_OFF_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311  # no secret
        raise AssertionError("the last attempt returns or raises")

    def _give_back(self, target: SshTarget, line: _Line, session: SshSession) -> None:
        if not session.usable:
            self._drop(target, line)
            return
        with self._changed:
            self._end_lease(line)
            line.idle_since = time.monotonic()
            if self._lines.get(target) is line:
                line.resting.append((session, line.idle_since))
            elif not line.leased:
                line.close()
            self._changed.notify_all()

    @staticmethod
    def _end_lease(line: _Line) -> None:
        line.leased -= 1
        if not line.leased:
            line.connection.use(False)

    def _drop(self, target: SshTarget, line: _Line) -> None:
        """No new lease on this line. Closed at once where it broke, else when its last lease ends."""
        with self._changed:
            self._end_lease(line)
            if self._lines.get(target) is line:
                del self._lines[target]
            last = not line.leased
            self._changed.notify_all()
        if last or not line.connection.is_active():
            line.close()

    def _see_to_idle_ones(self) -> None:
        with self._changed:
            if self._reaper is None or not self._reaper.is_alive():
                self._reaper = threading.Thread(target=self._reap, name="ssh-pool-idle", daemon=True)
                self._reaper.start()

    def _reap(self) -> None:
        """Close idle connections as long as there are any."""
        while True:
            time.sleep(self._idle_seconds / 4)
            self.close_idle()
            with self._changed:
                if not self._lines:
                    self._reaper = None
                    return


POOL = SessionPool()
"""This process's pool."""


def close_all() -> None:
    """Close every connection of this process's pool."""
    POOL.close_all()
