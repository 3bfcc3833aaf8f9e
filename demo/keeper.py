"""Keeps the programs of demo nodes, and lets a person take a node down, hang it and bring it back.

Beside a node's tree is the file `wanted` with one word: up, down or hung. Whoever writes another word into it has the
node be so. One that ends by itself is told in a line and is down from then on, until somebody writes `up`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from clusterportal.supervisor import tied


class Wanted(StrEnum):
    """What a demo node shall be. HUNG: its processes are stopped, its port stays open."""

    UP = "up"
    DOWN = "down"
    HUNG = "hung"


@dataclass(frozen=True, slots=True)
class Part:
    """One program of a node: what people call it, its command line, and where its output goes."""

    name: str
    argv: Sequence[str]
    log: Path


class KeptNode:
    """The programs of one node, as its file `wanted` says."""

    def __init__(self, name: str, place: Path, parts: Sequence[Part]) -> None:
        self.name = name
        self.file = place / "wanted"
        self._parts = parts
        self._is = Wanted.DOWN
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._family: set[int] = set()

    def start(self) -> None:
        """Bring it up."""
        self.file.write_text(f"{Wanted.UP}\n")
        self.look()

    def look(self) -> str:
        """Do what is wanted, see what ended. Answers the line to be told; "" for none. Call it about twice a second."""
        word = self._word()
        if word not in self._possible():
            self.file.write_text(f"{self._is}\n")
            return f"{self.name} is {self._is}; it can be {' or '.join(self._possible())} now, not {word!r}."
        if word != self._is:
            self._become(Wanted(word))
            return f"{self.name} is {word} now."
        ended = [part for part in self._parts if self._ended(part)]
        if not ended:
            self._family = self._pids()
            return ""
        return self._tell_end(ended[0])

    def end(self) -> None:
        """End its processes, those of its connections too. A stopped one ends as well."""
        _send(signal.SIGKILL, self._family | self._pids())
        for process in self._running.values():
            process.wait()
        self._running, self._family = {}, set()

    def _word(self) -> str:
        try:
            return self.file.read_text().strip() or self._is  # empty for a moment while somebody writes it
        except FileNotFoundError:
            return self._is

    def _possible(self) -> list[Wanted]:
        """What is down has no port to hang with."""
        return [word for word in Wanted if (self._is, word) != (Wanted.DOWN, Wanted.HUNG)]

    def _become(self, wanted: Wanted) -> None:
        if wanted is Wanted.DOWN:
            self.end()
        else:
            self._running = self._running or {part.name: _start(part) for part in self._parts}
            self._family = self._pids()
            _send(signal.SIGSTOP if wanted is Wanted.HUNG else signal.SIGCONT, self._family)
        self._is = wanted

    def _ended(self, part: Part) -> bool:
        return part.name in self._running and self._running[part.name].poll() is not None

    def _tell_end(self, part: Part) -> str:
        status = self._running[part.name].returncode
        self._become(Wanted.DOWN)
        self.file.write_text(f"{Wanted.DOWN}\n")
        again = f"Start it again: echo up > {self.file}"
        return f"{self.name} is down: its {part.name} ended with status {status} (log: {part.log}). {again}"

    def _pids(self) -> set[int]:
        return below(process.pid for process in self._running.values() if process.poll() is None)


def below(pids: Iterable[int]) -> set[int]:
    """These processes and all that descend from them, by /proc; where there is none, these only."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
            children[parent].append(int(entry.parent.name))
    found, waiting = set(), list(pids)
    while waiting:
        found.add(pid := waiting.pop())
        waiting += children[pid]
    return found


def _start(part: Part) -> subprocess.Popen[bytes]:
    with part.log.open("ab") as sink:
        return subprocess.Popen(tied(part.argv), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)


def _send(number: signal.Signals, pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
