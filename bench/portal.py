"""The portal that is measured: the processes of `./run up` on a data folder of its own, with a private Redis."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from demo.keeper import below
from tests.deadlines import wait_for
from tests.journeys.portal import Portal, free_port, started, unused

PRODUCTS = Path(__file__).with_name("products")
WORKERS = 2
"""Processes of the portal that say when they are ready to work."""

_WORDS = {"clusterportal.web": "web", "default": "worker", "remote": "remote", "beat": "beat"}
"""What only the command line of one process has."""


class BenchPortal(Portal):
    """`start()`, `stop()`, and REST as the stories' portal has it."""

    def __init__(self, data: Path) -> None:
        super().__init__(data, environment={"CLUSTERPORTAL_PROFILES": str(PRODUCTS)})

    def start(self, *, workers: int = 1, beats: int = 1) -> None:
        """As `./run up` does; how many processes there are is its own business."""
        self.make_keys()
        self.start_redis()
        self.database.write_bytes(unused().database)
        self.token = unused().token
        self.port = free_port()
        self.spawn("up", [sys.executable, "-m", "clusterportal.processes", "up", "--port", str(self.port)])
        self.wait_for_web()
        wait_for("the workers are ready", lambda: self.log_of("up").count("ready.") >= WORKERS)

    def stop(self) -> None:
        """End everything; Redis last, so that nobody misses it."""
        if "up" in self.processes:
            self.kill("up", signal.SIGTERM)
        super().stop()

    def pids(self) -> dict[str, int]:
        """The portal's processes by name; a second one of a name has a number."""
        found = {"redis": self.processes["redis"].pid}
        for pid in sorted(below([self.processes["up"].pid])):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            except OSError:  # it ended meanwhile
                continue
            name = next((name for word, name in _WORDS.items() if word in words), "")
            if name:
                same = sum(each.partition(" ")[0] == name for each in found)
                found[f"{name} {same + 1}" if same else name] = pid
        return found


Portals = Callable[[], AbstractContextManager[BenchPortal]]
"""Gives a portal for one cluster; what an earlier one left behind is not measured with the next."""


@contextmanager
def new_portal(place: Path) -> Iterator[BenchPortal]:
    """A portal that has nothing yet; it ends with the block, and its data goes."""
    with started(BenchPortal, prefix="portal-", place=place) as portal:
        yield portal
