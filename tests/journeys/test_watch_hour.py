"""An hour of a working cluster in less than a minute: the demo's trees and stand-in mail servers, which write caches
and counters back and hold files open, under the watch. What an operator changes arrives; nothing else happens.

The stand-ins work sixty times as fast: they write a cached file back every half second instead of every 30 s. The watch
and the profile's times are those of the demo. Set CLUSTERPORTAL_HOUR to other seconds than 45; the edits stay as many.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.standin import Pace, StandIn
from demo.tree import NodeTree, build
from tests.deadlines import wait_for
from tests.journeys.acting import Acting
from tests.journeys.conftest import Stage
from tests.journeys.portal import REPO, Portal
from tests.journeys.test_watch import jobs_of, told, wait_proven, watch_of

FACTOR = 60.0
SECONDS = float(os.environ.get("CLUSTERPORTAL_HOUR", "45"))
EDITS = 6
REAL = Pace()
FAST = Pace(
    poll=0,
    answer=REAL.answer / FACTOR,
    counters=REAL.counters / FACTOR,
    write_back=REAL.write_back / FACTOR,
    hold=REAL.hold / FACTOR,
    log=REAL.log / FACTOR,
)
CALM = Pace(poll=0, answer=0, counters=0, write_back=0, hold=0, log=0)
"""Semaphores only, while the nodes are brought together."""

TREES = (
    NodeTree("mail1.harbour.example", "192.0.2.1", "DEMO-AAAA-1111"),
    NodeTree("mail2.harbour.example", "192.0.2.2", "DEMO-BBBB-2222", behind=True),
    NodeTree("mail3.harbour.example", "192.0.2.3", "DEMO-CCCC-3333", behind=True),
)


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The demo's cluster with its stand-ins at work, proven once, watched; the hour is its first."""
    folder = tmp_path_factory.mktemp("harbour")
    stage = Stage(folder, Portal(folder / "data"))
    stage.portal.environment["CLUSTERPORTAL_PROFILES"] = str(REPO / "demo" / "products")
    with ExitStack() as ended:
        ended.callback(stage.close)
        stage.portal.start()
        pair = stage.make_cluster("harbour", watch=True, profile="mdaemon-demo", approval="never")
        for number, tree in enumerate(TREES):
            root = folder / f"node{number}" / "MDaemon"
            build(root, tree)
            credential = pair["credential"]["id"]
            stage.add_node(f"MAIL{number + 1}", root, public_key=pair["public_key"], credential=credential)
        stage.resume()
        with serving(stage, CALM):
            stage.replicate()
        with serving(stage, FAST):
            yield stage


@contextmanager
def serving(stage: Stage, pace: Pace) -> Iterator[None]:
    """A stand-in on every node."""
    with ExitStack() as ended:
        for number, root in enumerate(stage.roots):
            server = StandIn(root, seed=number, pace=pace)
            server.start()
            ended.callback(server.let_go)
            ended.enter_context(Acting(server.step))
        yield


def test_an_hour_of_a_working_cluster(harbour: Stage) -> None:
    stage = harbour
    app = stage.roots[0] / "App"
    before = len(jobs_of(stage))
    ends = time.monotonic() + SECONDS
    churned = Churn(app / "announcements@harbour.example.grp")
    with Acting(churned.turn, pause=SECONDS / 30):
        for number in range(EDITS):
            content = f"; edit {number}\r\n".encode()
            (app / "training@mill.example.grp").write_bytes(content)
            wait_proven(stage, content, "training@mill.example.grp")
            time.sleep(max(0.0, (ends - time.monotonic()) / (EDITS - number)))
    wait_proven(stage, churned.content, churned.path.name)
    watch = watch_of(stage)
    jobs = jobs_of(stage)[before:]
    states = Counter(job["state"] for job in jobs)
    print(f"{len(jobs)} jobs: {dict(states)}; {churned.count} edits of the churning list; conflicts {conflicts(stage)}")
    reasons = "\n".join(f"#{job['id']} {job['state']} {job['error_code']} {job['reason']}" for job in jobs)
    assert set(states) == {"succeeded"}, f"{reasons}\n{told(stage)}"
    assert len(jobs) <= EDITS + churned.count, reasons
    assert {name for job in jobs for name in named(job)} <= {"announcements@harbour", "training@mill"}, reasons
    assert conflicts(stage) == []
    assert [one["path"] for one in watch["churning"]] == ["App/announcements@harbour.example.grp"]
    for root in stage.roots[1:]:
        assert not list(root.rglob(".cp~*"))
    idle = len(jobs_of(stage))
    time.sleep(5)
    assert len(jobs_of(stage)) == idle, told(stage)


class Churn:
    """A list that some program writes again and again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.content = b""

    def turn(self) -> None:
        self.count += 1
        self.content = f"; written {self.count} times\r\n".encode()
        self.path.write_bytes(self.content)


def named(job: dict[str, Any]) -> list[str]:
    """The lists a job's reason names, without App/ and .example.grp."""
    names = job["reason"].partition("changed: ")[2].split(", ")
    return [name.removeprefix("App/").removesuffix(".example.grp") for name in names]


def conflicts(stage: Stage) -> list[str]:
    return [row["path"] for row in stage.portal.ok("GET", f"conflicts?cluster={stage.cluster}")["results"]]


def test_a_server_that_keeps_its_own_is_contended_and_the_others_are_not(harbour: Stage) -> None:
    """The stand-in on one secondary never takes its semaphores: it writes its cached copy back for ever."""
    stage = harbour
    lost = stage.roots[2] / "App" / "Alias.dat"
    own = lost.read_bytes()

    def insist() -> None:
        if lost.read_bytes() != own:
            lost.write_bytes(own)

    with Acting(insist):
        (stage.roots[0] / "App" / "Alias.dat").write_bytes(b"new@harbour.example = sales@mill.example\r\n")
        (stage.roots[0] / "App" / "ALIAS.SEM").touch()
        job = wait_for("it is contended", lambda: next(iter(ended_badly(stage)), None))
    targets = {target["node_name"]: (target["state"], target["evidence"]["contended"]) for target in job["targets"]}
    assert targets == {"MAIL2": ("verified", []), "MAIL3": ("contended", ["App/Alias.dat"])}
    held = wait_for("the watch says so", lambda: watch_of(stage)["mood"] == "held" and watch_of(stage))
    assert "contended" in held["sentence"] or "overwrote" in held["sentence"]
    assert held["retry_at"] is not None
    assert conflicts(stage) == []


def ended_badly(stage: Stage) -> list[dict[str, Any]]:
    return [stage.job(job["id"]) for job in jobs_of(stage) if job["state"] == "failed"]
