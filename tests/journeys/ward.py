"""Where workers are killed and the patients are counted: a stage with changes on demand and a look at every node."""

from __future__ import annotations

import os
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.deadlines import PATIENCE, wait_for
from tests.journeys.conftest import ENDED, Stage
from tests.journeys.test_replicate import untouched_of
from tests.journeys.trees import AWKWARD, config_of

FULL = bool(os.environ.get("CLUSTERPORTAL_FULL"))
SEMAPHORES = {"GRPLIST.SEM", "RELOADCACHE.SEM", "USERLIST.SEM"}
LISTS = 26
"""So many lists change in every other batch: enough for one stream instead of one transfer a file."""


class Watcher:
    """Reads files of the secondaries all the time: each is there, and whole, at every moment."""

    def __init__(self, paths: list[Path]) -> None:
        self.faults: list[str] = []
        self.looks = 0
        self._paths = paths
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(PATIENCE)

    def _watch(self) -> None:
        while not self._ended.wait(0.005):
            for path in self._paths:
                self.looks += 1
                try:
                    content = path.read_bytes()
                except FileNotFoundError:
                    self.faults.append(f"{path} was not there")
                    continue
                if not content.startswith(b"whole ") or not content.endswith(b" whole"):
                    self.faults.append(f"{path} was torn: {content[:40]!r}")


@dataclass(slots=True)
class Ward:
    """A stage, the batch number of its changes, and its workers by name."""

    stage: Stage
    batch: int = 0
    started: int = 0
    untouched: list[dict[str, str]] = field(default_factory=list)
    watcher: Watcher | None = None

    @property
    def orders(self) -> Path:
        return self.stage.folder / "kill.orders"

    @property
    def seen(self) -> Path:
        """The boundaries that workers reached, one a line."""
        return self.stage.folder / "seen"

    def open(self, workers: int = 2) -> None:
        """Start the workers, bring all nodes to the same state once, and begin to watch."""
        self.untouched = [untouched_of(root) for root in self.stage.roots[1:]]
        for _ in range(workers):
            self.add_worker()
        self.write_watched()
        self.stage.replicate()
        watched = [root / "App" / name for root in self.stage.roots[1:] for name in ("watched.dat", "watched.grp")]
        self.watcher = Watcher(watched)
        self.watcher.start()

    def add_worker(self) -> str:
        """Start one more; it is ready some seconds later."""
        name = f"hand{self.started}"
        self.started += 1
        self.stage.portal.start_worker(name, {"KILL_ORDERS": str(self.orders), "SEEN": str(self.seen)}, wait=False)
        return name

    def workers(self) -> list[str]:
        return [name for name in self.stage.portal.processes if name.startswith("hand")]

    def all_ready(self) -> None:
        def ready() -> bool:
            logs = [self.stage.portal.data / f"{name}.log" for name in self.workers()]
            return all(b"ready." in log.read_bytes() for log in logs)

        wait_for("the workers are ready", ready)

    def write_watched(self) -> None:
        app = self.stage.roots[0] / "App"
        for name, size in (("watched.dat", 300_000), ("watched.grp", 5_000)):
            atomically(app / name, b"whole " + f"{self.batch:08}".encode() * (size // 8) + b" whole")

    def change(self) -> None:
        """A batch on the primary: change, add, delete, rename, edit the ini; semaphores of the last one go."""
        self.batch += 1
        number, app = self.batch, self.stage.roots[0] / "App"
        for root in self.stage.roots[1:]:
            for semaphore in SEMAPHORES:
                (root / "App" / semaphore).unlink(missing_ok=True)
        self.write_watched()
        for index in range(LISTS if number % 2 else 3):
            (app / f"list{index:04}.grp").write_bytes(f"; batch {number} of list {index}\r\n".encode())
        (app / "Userlist.dat").write_bytes(f"a.example user{number}\r\n".encode())
        (app / AWKWARD[number % len(AWKWARD)]).write_bytes(f"awkward {number}".encode())
        folder = app / f"new {number}"
        folder.mkdir()
        (folder / "fre\u0301sh'file.dat").write_bytes(f"new {number}".encode())
        (app / f"passing{number}.dat").write_bytes(b"passing")
        (app / f"passing{number - 1}.dat").unlink(missing_ok=True)
        self._turn(app / "turns", number)
        mover = next(app.glob("mover*"), app / "mover0.dat")
        mover.write_bytes(b"I move on")
        mover.rename(app / f"mover{number}.dat")
        ini = app / "MDaemon.ini"
        atomically(ini, ini.read_bytes().replace(self._shared(number - 1), self._shared(number)))

    @staticmethod
    def _turn(path: Path, number: int) -> None:
        """A file in one batch is a folder in the next."""
        if number % 2:
            path.unlink(missing_ok=True)
            (path / "in").mkdir(parents=True)
            (path / "in" / "it.dat").write_bytes(b"in a folder")
        else:
            shutil.rmtree(path)
            path.write_bytes(b"a file")

    @staticmethod
    def _shared(number: int) -> bytes:
        return b"Shared=%s\r\n" % (f"batch {number}".encode() if number else b"one")

    def order_death(self, boundary: str, count: int = 1) -> None:
        self.orders.with_suffix(".hits").unlink(missing_ok=True)
        atomically(self.orders, f"{boundary}:{count}".encode())

    def dead(self) -> list[str]:
        return [name for name in self.workers() if self.stage.portal.processes[name].poll() is not None]

    def replace_dead(self) -> list[str]:
        """Bury the dead and start others in their place, without waiting for them. Answers who died."""
        dead = self.dead()
        for name in dead:
            self.stage.portal.processes.pop(name)
            self.add_worker()
        return dead

    def request_and_die(self, boundary: str, count: int = 1) -> int:
        """Request a replication of a fresh batch during which one worker dies at the boundary. Answers the job."""
        self.all_ready()
        self.change()
        self.order_death(boundary, count)
        job = self.stage.request()
        wait_for(f"a worker dies at {boundary}:{count}", self.dead)
        assert self.replace_dead()
        return job

    def heal(self, job: int, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait for the job's end and look at everything."""
        ended = self.stage.wait_state(job, *ENDED, seconds=seconds)
        assert ended["state"] == "succeeded", (ended, self.stage.events(job), self.stage.portal.logs())
        assert {target["state"] for target in ended["targets"]} == {"verified"}
        self.look()
        return ended

    def look(self) -> None:
        """All nodes equal, the rest untouched, own keys kept, nothing of ours left behind, every server told."""
        primary, *secondaries = self.stage.roots
        wanted = config_of(primary)
        for root, untouched in zip(secondaries, self.untouched, strict=True):
            assert config_of(root) == wanted
            assert untouched_of(root) == untouched
            assert not list(root.rglob(".cp~*"))
            ini, host = (root / "App/MDaemon.ini").read_bytes(), root.parent.name.replace("node", "mx")
            assert f"StandInHostName={host}\r\n".encode() in ini
            assert f"StandInRegistration=KEY-{host}-\r\n".encode() in ini
            assert self._shared(self.batch) in ini
            if self.batch:
                there = {path.name for path in (root / "App").glob("*.SEM")}
                assert there == SEMAPHORES, (root, there, self.stage.portal.logs())
        assert self.watcher is not None
        assert self.watcher.faults == []
        assert self.watcher.looks > 0

    def close(self) -> None:
        if self.watcher is not None:
            self.watcher.stop()


def atomically(path: Path, content: bytes) -> None:
    """A file that is never seen half written."""
    beside = path.with_name(f"~{time.monotonic_ns()}")
    beside.write_bytes(content)
    beside.replace(path)
