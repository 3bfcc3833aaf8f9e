"""Starts the portal's programs from a process that has imported them already: a fork of it becomes the program.

Nearly all that a start costs is importing: 1.8 of a worker's 1.9 s of a processor. A fork is a process of its own like
any other: own number, own log, own environment, killed by real signals. So that it begins as a fresh interpreter does,
the server has opened nothing when it forks: no thread, no file, no connection; it looks before it takes its first
order. Settings are read on import: a server has one environment of the portal's. That the programs start without it is
proven by `tests/run/test_journey.py`.

`python -m tests.journeys.forks N` is the server; orders come by the socket that is its descriptor N.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import django

IMPORTED = (
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.thread",
    "celery.worker.consumer",
    "clusterportal.celery",
    "clusterportal.urls",
    "kombu.transport.redis",
    "uvicorn",
)
"""What the programs would import, beside the tasks and what these import."""

LARGEST = 1 << 16
"""Bytes of an order."""


class Process(Protocol):
    """What stories do with a process, whether it was started or forked."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int, /) -> None: ...

    def kill(self) -> None: ...


@dataclass(slots=True)
class Fork:
    """A process that was forked, by the names of `subprocess.Popen`. The server says how it ended."""

    pid: int
    _told: socket.socket
    _status: int | None = None

    def poll(self) -> int | None:
        """How it ended, minus the signal's number where one ended it; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Until it ended. Raises subprocess.TimeoutExpired after so many seconds."""
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(f"fork {self.pid}", timeout or 0)
        return status

    def send_signal(self, sig: int, /) -> None:
        """Nothing where it ended already."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, seconds: float | None) -> int | None:
        if self._status is None:
            self._told.settimeout(seconds)
            with suppress(BlockingIOError, TimeoutError):
                said = self._told.recv(LARGEST)
                assert said, f"the server of fork {self.pid} is gone"
                self._status = int(said)
                self._told.close()
        return self._status


@dataclass(slots=True)
class ForkServer:
    """The server. `close` it when those that it forked have ended: it tells how."""

    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]
    orders: socket.socket

    @classmethod
    def start(cls, environment: Mapping[str, str], folder: Path, log: Path) -> ForkServer:
        """Without waiting for it. `folder`: where its forks work."""
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its, log.open("ab") as sink:
            number = its.fileno()
            words = [sys.executable, "-m", "tests.journeys.forks", str(number)]
            process = subprocess.Popen(
                words,
                env=environment,
                cwd=folder,
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
            )
        return cls(environment, process, ours)

    def fork(self, module: str, arguments: list[str], extra: dict[str, str], log: Path) -> Fork:
        """A process that does `python -m module arguments`, with further variables, and appends its words to a log."""
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its, log.open("ab") as sink:
            order = json.dumps([module, arguments, extra]).encode()
            socket.send_fds(self.orders, [order], [sink.fileno(), its.fileno()])
        pid = ours.recv(LARGEST)
        assert pid, "the server of forks is gone"
        return Fork(int(pid), ours)

    def close(self) -> None:
        self.orders.close()
        self.process.terminate()
        self.process.wait()


@dataclass(frozen=True, slots=True)
class Order:
    """What a fork becomes: `python -m module arguments`, with further variables."""

    module: str
    arguments: list[str]
    extra: dict[str, str]


def import_all() -> None:
    """What the programs will import."""
    django.setup()
    for name in IMPORTED:
        import_module(name)
    import_module("clusterportal.celery").app.loader.import_default_modules()
    gc.collect()
    gc.freeze()


def opened_nothing(orders: socket.socket) -> None:
    """Fails where a fork would have what a fresh process has not."""
    own = Path("/proc/self")
    assert len([*(own / "task").iterdir()]) == 1, "a thread runs"
    known = {"0", "1", "2", str(orders.fileno())}
    left = [entry.resolve() for entry in (own / "fd").iterdir() if entry.name not in known and entry.exists()]
    assert left == [], left


def serve(orders: socket.socket) -> Order | None:
    """Fork as ordered, and tell how each fork ended, until there are no more orders. Answers an order in the fork that
    is to become it, and None in the server at its end."""
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        ready = set(select.select([orders.fileno(), *running], [], [])[0])
        for ended in running.keys() & ready:
            pid, teller = running.pop(ended)
            os.close(ended)
            with teller, suppress(BrokenPipeError):
                teller.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        if orders.fileno() not in ready:
            continue
        said, descriptors, _, _ = socket.recv_fds(orders, LARGEST, 2)
        if not said:
            return None
        log, told = descriptors
        teller = socket.socket(fileno=told)
        pid = os.fork()
        if pid == 0:
            for inherited in (orders, teller, *(theirs for _, theirs in running.values())):
                inherited.detach()
            os.dup2(log, sys.stdout.fileno())
            os.dup2(log, sys.stderr.fileno())
            os.closerange(sys.stderr.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
            return Order(*json.loads(said))
        os.close(log)
        teller.send(b"%d" % pid)
        running[os.pidfd_open(pid)] = (pid, teller)


def main(number: str) -> None:
    """Be the server, and then, in a fork, what was ordered."""
    with socket.socket(fileno=int(number)) as orders:
        import_all()
        opened_nothing(orders)
        order = serve(orders)
    if order is not None:
        os.environ.update(order.extra)
        sys.argv = [order.module, *order.arguments]
        runpy.run_module(order.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1])
