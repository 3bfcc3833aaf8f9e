"""The peer: `rsync -a --delete` from the primary's folder to another folder on the same nodes, 8 nodes at a time."""

from __future__ import annotations

import getpass
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.sshd import SshdServer
from tests.tools import tool

AT_ONCE = 8
_BYTES = re.compile(r"^Total bytes (?:sent|received): ([\d,]+)$", re.M)


@dataclass(frozen=True, slots=True)
class PeerRun:
    """One run to all nodes: how long it took, and the bytes that rsync says it sent and received."""

    seconds: float
    sent: int


@dataclass(slots=True)
class Rsync:
    """rsync over ssh to nodes that a `folder` with a name of its own lies on. `masters`: over open connections."""

    source: Path
    folder: Path
    servers: Sequence[SshdServer]
    targets: Sequence[Path]
    masters: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        for number, server in enumerate(self.servers):
            key = self._path("key", number)
            key.touch(mode=0o600)
            key.write_text(server.login_key.private.reveal())
            public = server.host_key_file.with_suffix(".pub").read_text()
            self._path("known", number).write_text(f"[127.0.0.1]:{server.port} {public}")

    def run(self, *options: str) -> PeerRun:
        """Bring all nodes to the source. Raises RuntimeError where one run fails."""
        started = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            outputs = list(pool.map(lambda number: self._one(number, options), range(len(self.servers))))
        seconds = time.monotonic() - started
        return PeerRun(seconds, sum(int(found.replace(",", "")) for text in outputs for found in _BYTES.findall(text)))

    @contextmanager
    def open_connections(self) -> Iterator[None]:
        """Within the block every run finds a connection to each node open (ssh's ControlMaster)."""
        for number in range(len(self.servers)):
            self._run([*self._ssh(number), "-fNM", "-S", str(self._path("master", number)), "127.0.0.1"])
        self.masters = True
        try:
            yield
        finally:
            self.masters = False
            for number in range(len(self.servers)):
                self._run([*self._ssh(number), "-S", str(self._path("master", number)), "-O", "exit", "127.0.0.1"])

    def _one(self, number: int, options: Sequence[str]) -> str:
        ssh = [*self._ssh(number), *(["-S", str(self._path("master", number))] if self.masters else [])]
        words = [tool("rsync"), "-a", "--delete", "--stats", *options, "-e", " ".join(ssh)]
        return self._run([*words, f"{self.source}/", f"127.0.0.1:{self.targets[number]}/"])

    def _ssh(self, number: int) -> list[str]:
        known = f"UserKnownHostsFile={self._path('known', number)}"
        words = [tool("ssh"), "-F", "none", "-p", str(self.servers[number].port), "-l", getpass.getuser()]
        return [
            *words,
            "-i",
            str(self._path("key", number)),
            "-o",
            known,
            "-o",
            "BatchMode=yes",
            "-o",
            "LogLevel=ERROR",
        ]

    def _path(self, what: str, number: int) -> Path:
        return self.folder / f"{what}{number}"

    @staticmethod
    def _run(words: list[str]) -> str:
        # a master that goes to the background keeps its output open: nobody reads it
        quiet = "-fNM" in words
        out = subprocess.DEVNULL if quiet else subprocess.PIPE
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr}")
        return done.stdout or ""
