"""What a case costs: each process' processor time and peak of memory, bytes on the wire, writes to the database."""

from __future__ import annotations

import os
import sqlite3
import struct
import subprocess
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.portal import BenchPortal
from tests.tools import tool

_CHANGES = struct.Struct("=8xI")
"""Of the index of SQLite's log: its count of transactions, after two other numbers."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a span cost. `processor`: seconds, `peak`: bytes, `written`: bytes given to the system to write (the
    database, its log, the processes' logs), all by process. `commits`: transactions that wrote. `rows`: how many more a
    table has. `sent`: bytes both ways on the connections to nodes, as far as they are still open."""

    processor: Mapping[str, float]
    peak: Mapping[str, int]
    written: Mapping[str, int]
    commits: int
    rows: Mapping[str, int]
    sent: int

    def as_json(self) -> dict[str, Any]:
        """For the file of results."""
        return {
            "processor_s": {name: round(value, 2) for name, value in self.processor.items()},
            "peak_bytes": dict(self.peak),
            "written_bytes": dict(self.written),
            "commits": self.commits,
            "rows": dict(self.rows),
        }


class Meter:
    """Begins when it is made. `ports`: of the nodes' servers."""

    def __init__(self, portal: BenchPortal, ports: Collection[int]) -> None:
        self._portal, self._ports = portal, ports
        self._pids = portal.pids()
        for pid in self._pids.values():
            with suppress(OSError):  # then the peak is since the process started
                Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._processor, self._written = self._each(processor_of), self._each(written_by)
        self._rows, self._commits, self._wire = self._tables(), self._transactions(), wire_bytes(ports)

    def read(self) -> Cost:
        """The cost until now."""
        wire = wire_bytes(self._ports)
        return Cost(
            processor=_more(self._processor, self._each(processor_of)),
            peak=self._each(peak_of),
            written=_more(self._written, self._each(written_by)),
            commits=self._transactions() - self._commits,
            rows={name: more for name, more in _more(self._rows, self._tables()).items() if more},
            sent=sum(count - self._wire.get(connection, 0) for connection, count in wire.items()),
        )

    def _each(self, read: Any) -> dict[str, Any]:
        return {name: read(pid) for name, pid in self._pids.items()}

    def _tables(self) -> dict[str, int]:
        with self._portal.reading() as database:
            return {name: _count(database, name) for name in _names(database)}

    def _transactions(self) -> int:
        with self._portal.database.with_name(f"{self._portal.database.name}-shm").open("rb") as index:
            return int(_CHANGES.unpack(index.read(_CHANGES.size))[0])


def processor_of(pid: int) -> float:
    """Seconds of processor time that a process used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_of(pid: int) -> int:
    """The most memory that a process had, in bytes."""
    return _field(Path(f"/proc/{pid}/status").read_text(), "VmHWM:") * 1024


def written_by(pid: int) -> int:
    """Bytes that a process gave to files."""
    return _field(Path(f"/proc/{pid}/io").read_text(), "wchar:")


def wire_bytes(ports: Collection[int]) -> dict[str, int]:
    """Bytes sent and received on each open connection to the ports, by its own end, as the kernel counts them."""
    wanted = " or ".join(f"dport = :{port}" for port in ports)
    words = [tool("ss"), "-tinHO", "state", "established", f"( {wanted} )"]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return {
        line.split()[2]: _counted(line, "bytes_sent:") + _counted(line, "bytes_received:") for line in text.splitlines()
    }


def _counted(line: str, name: str) -> int:
    return next((int(word[len(name) :]) for word in line.split() if word.startswith(name)), 0)


def _field(text: str, name: str) -> int:
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name))


def _more(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value - before.get(name, 0) for name, value in after.items()}


def _names(database: sqlite3.Connection) -> list[str]:
    return [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]


def _count(database: sqlite3.Connection, table: str) -> int:
    return int(database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])
