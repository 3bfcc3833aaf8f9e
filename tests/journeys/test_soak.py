"""SQLite under load: 20 nodes, 4 processes, replications, reads and writes without a pause: none locked, none lost."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.deadlines import PATIENCE
from tests.journeys.conftest import ENDED, Stage
from tests.journeys.portal import FAST, Portal
from tests.journeys.trees import config_of, make_tree
from tests.journeys.ward import FULL
from tests.sshd import SshdServer

SECONDS = 600 if FULL else 40
ROUNDS = SECONDS // 30 + 1
"""Jobs of each cluster at least, however busy the machine is."""
CLUSTERS, NODES_EACH, FILES = 4, 5, 60
LOCKED = "database is locked"
READ = (
    "clusters/",
    "nodes/",
    "credentials/",
    "jobs",
    "jobs?state=running",
    "snapshots",
    "conflicts",
    "events/",
    "workers",
    "write-stop",
    "users/",
)


@dataclass(slots=True)
class Tally:
    """What all callers met."""

    took: dict[str, list[float]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    jobs: list[int] = field(default_factory=list)
    job_seconds: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, portal: Portal, kind: str, method: str, path: str, body: Any = None) -> Any:
        began = time.monotonic()
        answer = portal.call(method, path, body)
        with self._lock:
            self.took.setdefault(kind, []).append(time.monotonic() - began)
            if answer.status >= 400 or LOCKED in str(answer.body):
                self.faults.append(f"{method} {path}: {answer.status} {answer.body}")
        return answer.body

    def ended(self, job: dict[str, Any], seconds: float) -> None:
        with self._lock:
            self.jobs.append(job["id"])
            self.job_seconds.append(seconds)
            if job["state"] != "succeeded":
                self.faults.append(f"job {job['id']} is {job['state']}: {job['error']}")

    def report(self) -> str:
        median, longest = statistics.median(self.job_seconds), max(self.job_seconds)
        lines = [f"{len(self.jobs)} jobs, median {median:.1f} s, longest {longest:.1f} s"]
        for kind, took in sorted(self.took.items()):
            took.sort()
            middle, late = statistics.median(took) * 1000, took[int(len(took) * 0.99)] * 1000
            times = f"median {middle:.0f} ms, 99 % below {late:.0f} ms, longest {took[-1] * 1000:.0f} ms"
            lines.append(f"{kind}: {len(took)} calls, {times}")
        return "\n".join(lines)


@pytest.fixture
def clusters(tmp_path: Path) -> Iterator[list[Stage]]:
    """Four clusters of five nodes on one portal with web, two workers and beat; five sshds, each a node of every
    cluster."""
    with ExitStack() as ended:
        # production's lease: nobody dies here, all are busy; and so is the machine, whose nodes do not hang
        environment = {name: FAST[name] for name in ("CLUSTERPORTAL_CONNECT", "CLUSTERPORTAL_SILENCE")}
        portal = Portal(tmp_path / "data", environment=environment)
        ended.callback(portal.stop)
        portal.start(workers=2, beats=1)
        made = [Stage(tmp_path / f"cluster{number}", portal, owns_portal=False) for number in range(CLUSTERS)]
        pairs = [stage.make_cluster(f"mail{number}", approval="never") for number, stage in enumerate(made)]
        keys = [pair["public_key"] for pair in pairs]
        servers = [SshdServer.start(tmp_path / f"sshd{number}", authorized_keys=keys) for number in range(NODES_EACH)]
        for server in servers:
            ended.callback(server.stop)
        for stage, pair in zip(made, pairs, strict=True):
            for number, server in enumerate(servers):
                root = stage.folder / f"node{number}" / "MDaemon"
                make_tree(root, f"mx{number}", files=FILES, primary=number == 0)
                stage.roots.append(root)
                stage.register(f"mx{number}", root, server, credential=pair["credential"]["id"])
            stage.resume()
        yield made


def replicate_on_and_on(stage: Stage, tally: Tally, over: float) -> None:
    """Change, request, wait, look; again."""
    app = stage.roots[0] / "App"
    for number in itertools.count():
        if time.monotonic() > over and number >= ROUNDS:
            return
        for index in range(5):
            (app / f"list{(number + index) % 30:04}.grp").write_bytes(f"; {number} of {index}\r\n".encode())
        began = time.monotonic()
        asked = tally.call(stage.portal, "requests", "POST", "jobs", {"kind": "replicate", "cluster": stage.cluster})
        job = _wait(stage, tally, asked["id"])
        tally.ended(job, time.monotonic() - began)
        wanted = config_of(stage.roots[0])
        if any(config_of(root) != wanted for root in stage.roots[1:]):
            tally.faults.append(f"after job {job['id']} the nodes differ")


def _wait(stage: Stage, tally: Tally, job: int) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while True:
        found: dict[str, Any] = tally.call(stage.portal, "reads of a job", "GET", f"jobs/{job}")
        if found.get("state") in ENDED or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def read_on_and_on(portal: Portal, tally: Tally, over: float) -> None:
    for path in itertools.cycle(READ):
        if time.monotonic() > over:
            return
        tally.call(portal, "lists", "GET", path)
        for job in tally.jobs[-1:]:
            tally.call(portal, "events of a job", "GET", f"jobs/{job}/events?limit=200")
        time.sleep(0.02)


def write_on_and_on(stage: Stage, tally: Tally, over: float) -> None:
    """Writes with an audit event each: a cluster's description, path classes, tries at facts."""
    for number in itertools.count():
        if time.monotonic() > over:
            return
        note = {"description": f"note {number}"}
        tally.call(stage.portal, "writes", "PATCH", f"clusters/{stage.cluster}/", note)
        tally.call(stage.portal, "writes", "POST", f"nodes/{stage.node_ids[number % NODES_EACH]}/facts/refresh/", {})
        time.sleep(0.05)


def test_nothing_is_locked_and_nothing_lost(clusters: list[Stage]) -> None:
    portal, tally = clusters[0].portal, Tally()
    over = time.monotonic() + SECONDS
    work: list[Callable[[], None]] = []
    for stage in clusters:
        work.append(lambda stage=stage: replicate_on_and_on(stage, tally, over))  # type: ignore[misc]
        work.append(lambda stage=stage: write_on_and_on(stage, tally, over))  # type: ignore[misc]
    work += [lambda: read_on_and_on(portal, tally, over)] * 2
    with ThreadPoolExecutor(len(work)) as pool:
        for future in [pool.submit(one) for one in work]:
            future.result()

    print(tally.report())
    assert not tally.faults, "\n".join(tally.faults)
    for log in portal.data.glob("*.log"):
        text = log.read_text(errors="replace")
        assert LOCKED not in text, log
        assert "Traceback" not in text, (log, text[text.index("Traceback") :][:3000])
    assert len(tally.jobs) >= CLUSTERS * ROUNDS
    assert Counter(states_of_all_jobs(portal)) == {"succeeded": len(tally.jobs)}
    alive = {name for name, process in portal.processes.items() if process.poll() is None}
    assert alive == {"redis", "web", "remote0", "remote1", "beat0"}


def states_of_all_jobs(portal: Portal) -> Iterator[str]:
    path: str | None = "jobs?limit=100&kind=replicate"
    while path:
        answer = portal.ok("GET", path)
        yield from (job["state"] for job in answer["results"])
        path = answer["next"] and answer["next"].partition("/api/v1/")[2]
