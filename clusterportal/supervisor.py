"""Keeps a table of processes together: all start, all end, and none outlives the supervisor.

honcho does the work. Added here: children notice the supervisor's death (a watch in each runner, and the kernel's tie
of `die_with_parent.py`), a closed terminal ends all, and a quiet mode that shows some processes and keeps the others'
lines in files.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message, Printer
from honcho.process import Process

from clusterportal.logging import redact

GRACE = 5.0  # seconds between SIGTERM and SIGKILL
WATCH = 0.3  # seconds between two looks at whether the supervisor lives
ORDERS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
"""Signals that end all: a closed terminal, Ctrl-C, and `kill`."""

TIED = Path(__file__).with_name("die_with_parent.py")


@dataclass(frozen=True, slots=True)
class Program:
    """One row of the process table. `env` is added to the supervisor's own environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)

    def command(self) -> str:
        """The command line for the shell; the shell, and then the tie, give their place to the program."""
        return "exec " + shlex.join(tied(self.argv))


def tied(argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` so that it dies with its parent."""
    return [sys.executable, "-I", "-S", str(TIED), *argv]


class WatchingProcess(Process):
    """A honcho process whose runner ends its program when the supervisor is gone, even after `kill -9`."""

    def run(self, events: object = None, ignore_signals: bool = False) -> None:
        """Run the program until it ends. Called in the runner, a fork of the supervisor."""
        threading.Thread(target=self._watch, args=(os.getppid(),), daemon=True).start()
        super().run(events, ignore_signals)

    def _watch(self, supervisor: int) -> None:
        while os.getppid() == supervisor:
            time.sleep(WATCH)
        self._end(signal.SIGTERM)
        time.sleep(GRACE)
        self._end(signal.SIGKILL)
        os._exit(1)

    def _end(self, number: signal.Signals) -> None:
        if self._child is not None and self._child.poll() is None:
            os.killpg(self._child.pid, number)


def _said(message: Message) -> str:
    """A line of a process as it is shown: secrets blanked, as not all that a process writes goes through its logs. What
    ends it before they are set up, or outside of them, is written by Python itself."""
    text = message.data.decode("utf-8", "replace") if isinstance(message.data, bytes) else message.data
    return redact(text.rstrip("\n")) + "\n"


class BlankingPrinter(Printer):
    """honcho's printer, secrets blanked."""

    def write(self, message: Message) -> None:
        """Take one message of honcho's."""
        super().write(message._replace(data=_said(message)))


class QuietPrinter(Printer):
    """Shows the lines of some processes as they are; the others' go to files, and to the terminal only if they fail."""

    def __init__(self, *, shown: Collection[str], folder: Path) -> None:
        super().__init__(sys.stdout)
        self._shown = shown
        self._folder = folder
        self._last: dict[str, deque[str]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, message: Message) -> None:
        """Take one message of honcho's."""
        if message.name in self._shown:
            text = message.data.decode("utf-8", "replace") if isinstance(message.data, bytes) else message.data
            print(text.rstrip("\n"), flush=True)  # noqa: T201 - this is the terminal
        elif message.name != SYSTEM_PRINTER_NAME:
            self._keep(message.name, _said(message))

    def _keep(self, name: str, text: str) -> None:
        self._last.setdefault(name, deque(maxlen=15)).append(text)
        with (self._folder / f"{name}.log").open("a", encoding="utf-8") as log:
            log.write(text)

    def tell_failure(self, name: str, status: int) -> None:
        """Say which process ended the run, with its last lines."""
        print(f"{name} ended with status {status}; its last lines ({self._folder / name}.log):")  # noqa: T201
        print("".join(self._last.get(name, ())), flush=True)  # noqa: T201


class Supervisor(Manager):
    """Starts programs, relays their lines, ends all when one ends or when it is told to."""

    def __init__(self, programs: Sequence[Program], printer: Printer | None = None) -> None:
        super().__init__(printer or BlankingPrinter(sys.stdout))
        self._process_ctor = WatchingProcess
        for program in programs:
            self.add_process(program.name, program.command(), env={**os.environ, **program.env})

    def run(self) -> int:
        """Run until all have ended; the exit status is the first one's to end, or that of the signal."""
        hear_orders()
        signal.signal(signal.SIGHUP, _end_too)
        self.loop()
        return int(self.returncode or 0)

    def failed(self) -> tuple[str, int] | None:
        """The first program in the table that ended by itself with a status other than 0."""
        for name, entry in self._processes.items():
            if entry.get("returncode", 0) > 0:
                return name, int(entry["returncode"])
        return None

    def _killall(self, force: bool = False) -> None:
        # one that has not said its pid yet is reached by the kill that follows GRACE seconds later
        unknown = {name: entry for name, entry in self._processes.items() if "pid" not in entry}
        for name in unknown:
            del self._processes[name]
        super()._killall(force)
        self._processes.update(unknown)


def hear_orders() -> None:
    """Let ORDERS end this process also where its caller ignored them (nohup, a background job) or held them back.

    What is started afterwards hears them, too. Whoever wants a portal that outlives the terminal runs it as a service
    or under `setsid`: no terminal's end reaches it then, and a SIGHUP that does come is meant.
    """
    for number in ORDERS:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ORDERS)


def _end_too(number: int, frame: FrameType | None) -> None:
    """A closed terminal is an order to end."""
    os.kill(os.getpid(), signal.SIGTERM)
