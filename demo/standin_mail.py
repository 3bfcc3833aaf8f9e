"""The mail of a demo node's stand-in: it receives messages and works them off, in the folders that its ini file names.

A message lies in the queue for a while, then whoever first makes its lock file delivers it. With multi-node mail
routing each server works off what others received into the queues and lock files that they share, else its own only.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from demo import content
from demo.tree import DOMAINS, accounts

LINGERS = 2.0
"""Seconds that a message lies in the queue at least: in less, nobody would see it."""

DELIVERED = "X-Delivered-By: stand-in "

AT_ONCE = 5
"""Messages that are delivered in one turn."""

KEPT = 200
"""So many messages of one server there are; then their names begin anew."""

# what the ini file's section Directories calls them, and where they are when it does not
FOLDERS = {"Users": "Users", "LockFiles": "LockFiles", "Queues": "Queues"}


@dataclass(slots=True)
class Mail:
    """What one server does with its mail. `seed`: a number of its own."""

    root: Path
    seed: int
    rng: random.Random
    folders: dict[str, Path] = field(default_factory=dict)
    routing: bool = False
    _received: int = 0

    def take_up(self, ini: bytes) -> bool:
        """Use the folders that MDaemon.ini names from now on; whether they are others than before."""
        named = section(ini, "directories")
        self.routing = section(ini, "routing").get("multinode", "").lower() == "yes"
        found = {name: self._place(named.get(name.lower(), ""), usual) for name, usual in FOLDERS.items()}
        is_other, self.folders = bool(self.folders) and found != self.folders, found
        self._forget_own_locks()
        return is_other

    def _place(self, named: str, usual: str) -> Path:
        return Path(named) if named.startswith("/") else self.root / usual

    def _forget_own_locks(self) -> None:
        """Those that it made and could not take back, because it ended or lost the folder."""
        with contextlib.suppress(OSError):
            for lock in self.folders["LockFiles"].glob("*.lck"):
                if lock.read_text() == str(self.seed):
                    lock.unlink()

    def receive(self) -> None:
        """Take one message in. A file server that is away loses none: the sender tries again."""
        account = self.rng.choice(accounts())
        number = self._received % KEPT
        name = f"md5{self.seed}{number:09d}.msg"
        folder = self.folders["Queues"] / "Local"
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            beside = folder / f"{name}.tmp"
            beside.write_bytes(content.message(number, "partner@example.net", account.address))
            beside.replace(folder / name)
            self._received += 1

    def work_off(self) -> int:
        """Deliver what has lain in the queue for long enough; how many messages that were."""
        count = 0
        with contextlib.suppress(OSError):  # a file server that is away, or somebody was quicker
            own = "*.msg" if self.routing else f"md5{self.seed}*.msg"
            for path in sorted((self.folders["Queues"] / "Local").glob(own))[:AT_ONCE]:
                if time.time() - path.stat().st_mtime >= LINGERS:
                    count += self._deliver(path)
        return count

    def _deliver(self, path: Path) -> bool:
        """Move one message to its mailbox; False where another server is at it. Raises OSError."""
        lock = self.folders["LockFiles"] / f"{path.name}.lck"
        try:
            with lock.open("x") as own:
                own.write(str(self.seed))
        except FileExistsError:
            return False
        try:
            message = path.read_bytes()
            mailbox, _, domain = recipient(message).partition("@")
            box = self.folders["Users"] / domain / mailbox
            box.mkdir(parents=True, exist_ok=True)
            beside = box / f"{path.name}.tmp"
            beside.write_bytes(f"{DELIVERED}{self.seed}{content.CRLF}".encode() + message)
            beside.replace(box / path.name)
            path.unlink()
        finally:
            lock.unlink(missing_ok=True)
        return True


def recipient(message: bytes) -> str:
    """Whom a message of the demo is for."""
    for line in message.decode("cp1252", "replace").splitlines():
        if line.startswith("To: "):
            return line[4:]
    return f"postmaster@{DOMAINS[0]}"


def delivered_by(message: Path) -> str:
    """The seed of the server that delivered a message; "" where none of the demo's did."""
    first = message.read_bytes().partition(b"\r\n")[0].decode("cp1252", "replace")
    return first.removeprefix(DELIVERED) if first.startswith(DELIVERED) else ""


def section(ini: bytes, wanted: str) -> Mapping[str, str]:
    """One section of an ini file, its name and its keys in lower case."""
    name, found = "", {}
    for line in ini.decode("cp1252", "replace").splitlines():
        text = line.strip()
        if text.startswith("["):
            name = text.strip("[]").lower()
        elif name == wanted and "=" in text:
            key, _, value = text.partition("=")
            found[key.strip().lower()] = value.strip()
    return found
