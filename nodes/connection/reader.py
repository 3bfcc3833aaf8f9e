"""Asking a node fact by fact: what cannot be read is noted, and the rest goes on. Nothing is changed on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.conf import settings

from nodes.command import Command, CommandResult
from nodes.connection.connect import NodeLink
from nodes.errors import (
    ChangedWhileRead,
    CommandFailed,
    FileTooLarge,
    LimitBroken,
    NodeError,
    OutputUnreadable,
    SessionLost,
    TimedOut,
    Unsupported,
)
from nodes.platforms.base import ClockReading, Service, SystemFacts
from nodes.products.ini import IniError
from nodes.remote.scripts import ScriptsSeen, seen
from nodes.remote.session import CHUNK, FileKind, RemoteEntry, Space

Value = TypeVar("Value")

CLOCK_READINGS = 5
"""Round trips at most to compare clocks; the shortest is the most exact."""

EXACT_MS = 25.0
"""A reading that may be wrong by so little is not made better: what goes by the clock counts in seconds."""

LINE_SECONDS = 0.15
"""Between two lines to a program that tells the clock: a dozen outlast PowerShell's start."""

HEAD = 8 * 1024
"""Bytes at the start of a log that tell what it is."""

MAX_INI = 4 * 1024 * 1024
"""Bytes of an ini file that are read; real ones have some 50 KB."""

MAX_ANSWER = 4 * 1024 * 1024
"""Bytes that a question is answered with at most."""

READ_ATTEMPTS = 3
"""A server that writes a file while it is read is asked again."""


def _nobody_waits() -> None:
    """The sign of life of a reading that no job waits for."""


@dataclass(slots=True)
class Reader:
    """Reads fact by fact; what cannot be read is noted and the rest goes on. `alive` is called before each question to
    the node and while it is answered: a sign of life, which may raise to stop. `seconds`: what all questions may
    take."""

    link: NodeLink
    errors: dict[str, str] = field(default_factory=dict)
    alive: Callable[[], None] = _nobody_waits
    seconds: float = float("inf")
    _began: float = field(default_factory=time.monotonic)
    _heads: dict[tuple[str, int], bytes] = field(default_factory=dict)
    _logs: dict[str, list[RemoteEntry]] = field(default_factory=dict)

    def attempt(self, fact: str, read: Callable[[], Value], otherwise: Value) -> Value:
        """The fact, or `otherwise` with the reason noted. Raises SessionLost and TimedOut, when nothing more can be
        read, and LimitBroken, when nothing more shall be."""
        try:
            return read()
        except (SessionLost, TimedOut, LimitBroken):
            raise
        except (NodeError, IniError, ValueError) as error:
            self.errors[fact] = str(error)
            return otherwise

    def answer(self, command: Command | None, missing: str) -> CommandResult:
        """What a command of the platform answers. Raises Unsupported with `missing` where there is none."""
        if command is None:
            raise Unsupported(missing)
        return self._run(self.link.platform.spell(command))

    def _run(self, line: str, stdin: bytes | Iterator[bytes] = b"") -> CommandResult:
        self.go_on()
        timeout, moved = settings.PORTAL.question, self._moved
        try:
            return self.link.session.run(line, stdin=stdin, timeout=timeout, max_output=MAX_ANSWER, progress=moved)
        except TimedOut as error:  # one command hangs, where a file service that does would hang for all that follows
            raise CommandFailed(f"It did not end within {timeout:.3g} s.") from error

    def go_on(self) -> None:
        """Call before each question to the node. Raises LimitBroken where all of them took too long."""
        if time.monotonic() - self._began > self.seconds:
            raise LimitBroken(f"Asking it took longer than {self.seconds:.3g} s. Look at its line and its load.")
        self.alive()

    def _moved(self, _: int) -> None:
        self.go_on()

    def system(self) -> SystemFacts:
        """System, host name, time zone."""
        platform = self.link.platform
        missing = "The portal has no command for this platform that tells system, host name and time zone."
        return platform.parse_system_facts(self.answer(platform.system_facts(), missing))

    def clock(self) -> ClockReading:
        """The clock by a round trip that is short enough, else by the shortest of several; or by one program that reads
        line by line."""
        if self.link.platform.clock_lines:
            return self._clock_by_lines(self.link.platform.clock_lines)
        readings = [self._clock_once()]
        while len(readings) < CLOCK_READINGS and readings[-1].uncertainty_ms > EXACT_MS:
            readings.append(self._clock_once())
        return min(readings, key=lambda reading: reading.uncertainty_ms)

    def _clock_once(self) -> ClockReading:
        platform = self.link.platform
        missing = "The portal has no command for this platform that tells the clock; compare it by hand."
        asked_ns, started = time.time_ns(), time.perf_counter_ns()
        result = self.answer(platform.clock(), missing)
        trip_ns = time.perf_counter_ns() - started
        offset_ns = platform.parse_clock(result) - (asked_ns + trip_ns // 2)
        return ClockReading(offset_ns / 1e6, trip_ns / 2e6)

    def _clock_by_lines(self, lines: int) -> ClockReading:
        """The answer to the last line was made after that line left and before the program ended: its slow start does
        not count."""
        platform = self.link.platform
        command = platform.clock()
        if command is None:
            raise Unsupported("Without the portal's scripts on the node its clock cannot be read; compare it by hand.")
        sent_ns = 0

        def paced() -> Iterator[bytes]:
            nonlocal sent_ns
            for _ in range(lines):
                time.sleep(LINE_SECONDS)
                sent_ns = time.time_ns()
                yield b"now\r\n"

        result = self._run(platform.spell(command), paced())
        between_ns = time.time_ns() - sent_ns
        offset_ns = platform.parse_clock(result) - (sent_ns + between_ns // 2)
        return ClockReading(offset_ns / 1e6, between_ns / 2e6)

    def disk(self) -> Space:
        """Space of the volume with the installation folder."""
        space = self.link.session.free_space(self.link.root)
        if space is None:
            raise Unsupported("The server's SFTP does not tell the free space.")
        return space

    def services(self) -> tuple[Service, ...]:
        """The services of the installation folder; none where no command of the platform tells them."""
        command = self.link.platform.services(self.link.root)
        return self.link.platform.parse_services(self.answer(command, "")) if command else ()

    def scripts(self) -> ScriptsSeen | None:
        """The portal's scripts on the node; None where its system needs none."""
        platform = self.link.platform
        return seen(self.link.session, platform) if platform.scripts() else None

    def file(self, relative: str) -> bytes:
        """A small file below the installation folder, whole. Raises OutputUnreadable for a large one."""
        path = f"{self.link.root}/{relative}"
        for _ in range(READ_ATTEMPTS - 1):
            try:
                return self._file_once(path)
            except ChangedWhileRead:
                continue
        return self._file_once(path)

    def _file_once(self, path: str) -> bytes:
        self.go_on()
        try:
            return b"".join(self.link.session.read(path, most=MAX_INI, progress=self._moved))
        except FileTooLarge as error:
            raise OutputUnreadable(f"{path} has more than {MAX_INI} bytes.") from error

    def start_of(self, path: str, size: int) -> bytes:
        """The first bytes of a file that may be growing. Few of them are read once, whoever asks."""
        if size > HEAD:
            return self._start_of(path, size)
        if (path, size) not in self._heads:
            self._heads[path, size] = self._start_of(path, size)
        return self._heads[path, size]

    def _start_of(self, path: str, size: int) -> bytes:
        self.go_on()
        held = bytearray()
        chunks = self.link.session.read(path, most=size + CHUNK, progress=self._moved)
        try:
            for chunk in chunks:
                held += chunk
                if len(held) >= size:
                    break
        except ChangedWhileRead:
            # what came before its end is there all the same
            pass
        finally:
            getattr(chunks, "close", lambda: None)()
        return bytes(held[:size])

    def folder(self, path: str) -> Sequence[RemoteEntry]:
        """The entries of a folder. Raises what the session raises."""
        return self.link.session.list_folder(path, progress=self._moved)

    def logs(self, folder: str) -> list[RemoteEntry]:
        """The log files of a folder, newest first; listed once, whoever asks."""
        if folder not in self._logs:
            found = [entry for entry in self.folder(folder) if _is_log(entry)]
            self._logs[folder] = sorted(found, key=lambda entry: entry.stat.mtime_ns, reverse=True)
        return self._logs[folder]


def _is_log(entry: RemoteEntry) -> bool:
    return entry.stat.kind == FileKind.FILE and entry.name_bytes is None and entry.name.casefold().endswith(".log")
