"""A cluster whose servers all mean harm, and another one that does not notice."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deadlines import PATIENCE, promised, wait_for
from tests.hostile.server import HostileServer, Misdeed
from tests.journeys.conftest import ENDED, Stage
from tests.journeys.test_watch import wait_proven, wait_quiet
from tests.journeys.trees import make_tree

ENDLESS = str(10 * PATIENCE)
"""Seconds that a command may take: who waits for a hostile server's is not done in this test."""

SHARE = 2
DRY_RUNS = 6
PLANNED_AT_ONCE = 4
NUMBERS = {
    "CLUSTERPORTAL_CONNECT": ENDLESS,
    "CLUSTERPORTAL_COMMAND": ENDLESS,
    "CLUSTERPORTAL_SWEEP": "1",
    "CLUSTERPORTAL_REACH": "2",
    "CLUSTERPORTAL_COMPARE": "2",
    "CLUSTERPORTAL_TARGET_WORKERS": str(SHARE),
}
ROOM = 1.0
"""Seconds beyond twice the usual time, on a machine that has nothing else to do."""

TRIES = 3
"""What has nothing to do with the cluster may take a machine's turns for some seconds, but not again and again."""


ROUNDS = (
    (Misdeed.ENDLESS_NAMES,) * 4,
    (Misdeed.NO_NAMES, Misdeed.LONG_NAMES, Misdeed.SLOW_NAMES, Misdeed.UNASKED),
    (Misdeed.FLOOD, Misdeed.HUGE_PACKET, Misdeed.DRIP, Misdeed.SMALL_SAID),
)
"""What the primary and the secondaries do, one round after the other."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """A cluster that serves like any other until it turns."""

    stage: Stage
    servers: list[HostileServer]

    def misbehave(self, misdeeds: Sequence[Misdeed]) -> None:
        """Every server turns, and is asked for everything at once."""
        for server, misdeed in zip(self.servers, misdeeds, strict=True):
            server.turn(misdeed, pause=0.5)
        self.ask_much()
        for dry_run in (True, False):
            self.stage.request(dry_run=dry_run)

    def ask_much(self) -> None:
        """Watch the primary, and read all facts."""
        stage, portal = self.stage, self.stage.portal
        portal.ok("PUT", f"clusters/{stage.cluster}/watch", {"enabled": True})
        for node in stage.node_ids:
            portal.ok("POST", f"nodes/{node}/facts/refresh/", {})

    def come_to_rest(self) -> None:
        """Serve like any other again, and have nothing under way."""
        for server in self.servers:
            server.turn_back()
        self.stage.portal.ok("PUT", f"clusters/{self.stage.cluster}/watch", {"enabled": False})
        wait_for("it is at rest", self._has_ended)

    def _has_ended(self) -> bool:
        """Whether no job is open; those that are, are cancelled, and what a server began while it was hostile ends."""
        for server in self.servers:
            server.server.kill_sessions()
        rows = self.stage.portal.ok("GET", f"jobs?cluster={self.stage.cluster}")["results"]
        left = [job["id"] for job in rows if job["state"] not in ENDED]
        for job in left:
            self.stage.portal.call("POST", f"jobs/{job}/cancel", {})
        return not left

    def causes(self) -> list[str]:
        """What the portal says of the servers."""
        return [self.stage.portal.ok("GET", f"nodes/{node}/")["health_cause"] for node in self.stage.node_ids]

    def hang(self) -> Held:
        """Every server hangs, and everything that the portal does with servers is under way there: a job drives some,
        others are planned, the primary is watched, facts are read."""
        stage, portal = self.stage, self.stage.portal
        (stage.roots[0] / "App" / "list0001.grp").write_bytes(b"; never to be proven\r\n")
        driven = stage.request()
        digest = stage.wait_state(driven, "awaiting_approval")["plan_digest"]
        for server in self.servers[1:]:
            server.turn(Misdeed.HANG)
        portal.ok("POST", f"jobs/{driven}/approve", {"digest": digest})
        held = Held(stage, driven, [])
        wait_for("targets are driven", lambda: held.running() == SHARE)
        self.servers[0].turn(Misdeed.HANG)
        self.ask_much()
        held.planned.extend(stage.request(dry_run=True) for _ in range(DRY_RUNS))
        wait_for("jobs are planned", lambda: held.planning() == PLANNED_AT_ONCE)
        return held


@dataclass(frozen=True, slots=True)
class Held:
    """What a hostile cluster's servers hold: a job that is driven, others that are planned."""

    stage: Stage
    driven: int
    planned: list[int]

    def running(self) -> int:
        return [target["state"] for target in self.stage.job(self.driven)["targets"]].count("running")

    def planning(self) -> int:
        return self._states().count("planning")

    def ended(self) -> list[str]:
        return [state for state in self._states() if state not in ("requested", "planning")]

    def _states(self) -> list[str]:
        return [self.stage.job(number)["state"] for number in self.planned]


def hostile_cluster(stage: Stage) -> Hostile:
    """A primary and three secondaries, proven once."""
    key, servers = stage.make_cluster("hostile", approval="always"), []
    for number in range(4):
        name, root = f"bad{number}", stage.folder / f"bad{number}" / "MDaemon"
        make_tree(root, name, files=20, secret="", primary=number == 0)
        server = HostileServer(stage.folder / f"sshd-{name}", authorized_keys=[key["public_key"]])
        servers.append(server)
        stage.servers.append(server.server)
        stage.roots.append(root)
        stage.register(name, root, server.server, credential=key["credential"]["id"])
    stage.resume()
    stage.replicate()
    return Hostile(stage, servers)


@pytest.fixture(scope="module")
def good(new_module_stage: Any) -> Stage:
    """Three nodes, proven and watched."""
    made: Stage = new_module_stage(slow=True, files=40, approval="never", watch=True, environment=NUMBERS)
    made.replicate()
    return made


@pytest.fixture(scope="module")
def usual(good: Stage) -> float:
    """Seconds from a change to its proof while there is no other cluster."""
    return proven_after(good, "usual")


@pytest.fixture(scope="module")
def bad(usual: float, good: Stage) -> Iterator[Hostile]:
    """On the same portal."""
    stage = Stage(Path(tempfile.mkdtemp(prefix="cp-story-")), good.portal, owns_portal=False)
    try:
        yield hostile_cluster(stage)
    finally:
        stage.close()  # with its servers, else the worker would not end
        shutil.rmtree(stage.folder, ignore_errors=True)


def proven_after(stage: Stage, word: str, changes: int = 3) -> float:
    """Change a file so many times, each time once the one before is proven and all is quiet. Answers the seconds that
    the middle one took."""
    took = []
    for number in range(changes):
        wait_quiet(stage)
        content = f"; {word} {number}\r\n".encode()
        (stage.roots[0] / "App" / "list0001.grp").write_bytes(content)
        took.append(wait_proven(stage, content, "list0001.grp"))
    return statistics.median(took)


def assert_as_usual(stage: Stage, usual: float, word: str, **changes: int) -> None:
    """Changes are proven in about the usual time."""
    took = []
    for number in range(TRIES):
        took.append(proven_after(stage, f"{word}, try {number}", **changes))
        if took[-1] <= promised(2 * usual + ROOM):
            return
    pytest.fail(f"{word} it took {took} seconds, {usual:.2f} else")


def test_servers_that_mean_harm_are_in_no_other_clusters_way(good: Stage, usual: float, bad: Hostile) -> None:
    for misdeeds in ROUNDS:
        bad.misbehave(misdeeds)
        assert_as_usual(good, usual, f"beside {misdeeds[0]}", changes=1)
        if misdeeds == ROUNDS[0]:
            wait_for("they are degraded, with the reason", lambda: all("limit" in cause for cause in bad.causes()))
        bad.come_to_rest()


def test_servers_that_hang_are_in_no_other_clusters_way(good: Stage, usual: float, bad: Hostile) -> None:
    held = bad.hang()
    assert_as_usual(good, usual, "beside a hostile cluster")
    assert held.running() == SHARE and not held.ended(), "held all the while"
