"""A small stand-in for the mail server of one demo node: `python -m demo.standin ROOT [--seed N] ...`.

It is not MDaemon. It does the few things that replication must live with: takes semaphore files out of App (all but
LOCKSEMS.SEM, which stops it from doing so), writes its own counters and caches, now and then writes a configuration
file back as it has it in memory, holds files open, and logs in both documented forms.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from demo.standin_logs import Logs
from demo.standin_mail import Mail

# files it keeps in memory, by the semaphore that makes it read them again; RELOADCACHE means all
CACHED = {
    "USERLIST": "Userlist.dat",
    "ALIAS": "Alias.dat",
    "GROUPS": "Groups.dat",
    "DOMAINS": "Domains.dat",
    "RELOADCACHE": "MDaemon.ini",
}
RELOAD_ALL = {"RELOADCACHE", "RESTART"}
STOP = {"EXITNOW"}
HELD_BACK = {"ADDUSER", "EDITUSER"}  # not taken while the matching .LCK is there


@dataclass(frozen=True, slots=True)
class Pace:
    """How often it does what, in seconds; 0: never. `answer`: how long a semaphore lies before it is taken."""

    poll: float = 0.2
    answer: float = 0.1
    counters: float = 5.0
    write_back: float = 30.0
    hold: float = 15.0
    log: float = 2.0
    mail: float = 0.0


@dataclass
class Chore:
    """Something done again and again, at times jittered by the seed."""

    every: float
    act: Callable[[], None]
    due: float = field(default=0.0)


class StandIn:
    """One server over one installation folder."""

    def __init__(self, root: Path, *, seed: int, pace: Pace) -> None:
        self._app = root / "App"
        self._rng = random.Random(seed)
        self._pace = pace
        self._logs = Logs(root / "Logs", self._rng)
        self._mail = Mail(root, seed, random.Random(seed))
        self._memory: dict[str, bytes] = {}
        self._held: IO[bytes] | None = None
        self._counter = 0
        self._chores = [
            Chore(pace.counters, self.write_counters),
            Chore(pace.write_back, self.write_back),
            Chore(pace.hold, self.hold_or_let_go),
            Chore(pace.log, self._logs.session),
            Chore(pace.mail, self.handle_mail),
        ]
        self.running = True

    def start(self) -> None:
        """Read everything into memory, as a server does when it starts."""
        self._read(CACHED.values())
        self._logs.system("MDaemon started (stand-in of the demo)")
        for chore in self._chores:
            chore.due = time.monotonic() + chore.every * self._rng.random()

    def step(self) -> None:
        """One round: take what semaphores there are, do what is due."""
        self.take_semaphores()
        for chore in self._chores:
            if chore.every and time.monotonic() >= chore.due:
                chore.due = time.monotonic() + chore.every * self._rng.uniform(0.5, 1.5)
                chore.act()

    def take_semaphores(self) -> list[str]:
        """Act on each .SEM in App and delete it; returns their names in upper case, without the ending."""
        found = {path.stem.upper(): path for path in self._app.iterdir() if path.suffix.upper() == ".SEM"}
        locks = {path.stem.upper() for path in self._app.iterdir() if path.suffix.upper() == ".LCK"}
        if "LOCKSEMS" in found:
            return []
        taken = sorted(name for name in found if name not in HELD_BACK & locks)
        if taken:
            time.sleep(self._pace.answer)
        for name in taken:
            self._act_on(name)
            found[name].unlink(missing_ok=True)
        return taken

    def _act_on(self, name: str) -> None:
        self._logs.system(f"Processing semaphore file {name}.SEM")
        if name in STOP:
            self.running = False
        elif name in RELOAD_ALL:
            self._read(CACHED.values())
        elif name in CACHED:
            self._read([CACHED[name]])

    def _read(self, names: Iterable[str]) -> None:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                self._memory[name] = (self._app / name).read_bytes()
        if self._mail.take_up(self._memory.get("MDaemon.ini", b"")):
            self._logs.system("Folders changed; using them from now on")

    def handle_mail(self) -> None:
        """Receive a message, and deliver those that have waited."""
        self._mail.receive()
        if count := self._mail.work_off():
            self._logs.system(f"{count} message(s) delivered")

    def write_counters(self) -> None:
        """Its own statistics: volatile, of no other node's interest."""
        self._counter += self._rng.randrange(1, 9)
        text = f"[Counters]\r\nInbound={self._counter}\r\nOutbound={self._counter // 2}\r\n"
        self._replace("QueueStats.dat", text.encode())
        self._replace("Greylist.db", self._rng.randbytes(512))

    def write_back(self) -> None:
        """Write a configuration file as it is in memory: what undoes a copy whose semaphore has not been taken yet."""
        name = self._rng.choice(sorted(self._memory))
        self._replace(name, self._memory[name])
        self._logs.system(f"{name} saved")

    def hold_or_let_go(self) -> None:
        """Hold a mailing list open for a while, as a server does while it delivers to it."""
        if self._held is not None:
            self.let_go()
        elif lists := sorted(self._app.glob("*.grp")):
            with contextlib.suppress(FileNotFoundError):
                self._held = self._rng.choice(lists).open("rb")

    def let_go(self) -> None:
        """Hold no file open any more."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def _replace(self, name: str, data: bytes) -> None:
        beside = self._app / f"~{os.getpid()}.tmp"
        beside.write_bytes(data)
        beside.replace(self._app / name)


def main() -> None:
    """Serve until told to end by EXITNOW.SEM or a signal."""
    parser = argparse.ArgumentParser(description="stand-in mail server of a demo node (not MDaemon)")
    parser.add_argument("root", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    for name in Pace.__slots__:
        default = getattr(Pace(), name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=default, help="seconds; 0: never")
    arguments = vars(parser.parse_args())
    root, seed = arguments.pop("root"), arguments.pop("seed")
    server = StandIn(root, seed=seed, pace=Pace(**arguments))
    server.start()
    while server.running:
        server.step()
        time.sleep(max(arguments["poll"], 0.01))  # never so short that it spins


if __name__ == "__main__":
    main()
