"""Two workers, two beats, every message sent many times over: one effect."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery

from tests.deadlines import PATIENCE, wait_for
from tests.journeys.acting import Acting, taking_semaphores
from tests.journeys.conftest import Stage
from tests.journeys.test_watch import jobs_of, wait_proven, wait_quiet
from tests.journeys.trees import config_of

MESSAGES = 40
QUEUES = ("default", "remote")


class Flood:
    """Sends every kind of message that a worker knows, again and again, from a thread of its own."""

    def __init__(self, stage: Stage, job: int) -> None:
        self._url = f"redis://127.0.0.1:{stage.portal.redis_port}/0"
        self._job = job
        self._thread = threading.Thread(target=self._send, name="flood")

    def __enter__(self) -> Flood:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """All was sent, and all was taken."""
        self._thread.join(PATIENCE)
        with redis.Redis.from_url(self._url) as broker:

            def taken() -> bool:
                return not any(broker.llen(name) for name in QUEUES) and not broker.hlen("unacked")

            wait_for("the workers have taken every message", taken)

    def _send(self) -> None:
        with Celery("flood", broker=self._url, set_as_current=False) as sender:
            for _ in range(MESSAGES):
                sender.send_task("replication.tasks.plan", [self._job], queue="remote")
                sender.send_task("replication.tasks.drive", queue="remote")
                sender.send_task("replication.tasks.sweep", queue="default")


class Swaps:
    """Counts, for each file looked at, how often another one took its place."""

    def __init__(self, paths: list[Path]) -> None:
        self._inodes = {path: [path.stat().st_ino] for path in paths}
        self.acting = Acting(self._look, 0.002)

    def counts(self) -> dict[Path, int]:
        self._look()
        return {path: len(seen) - 1 for path, seen in self._inodes.items()}

    def _look(self) -> None:
        for path, seen in self._inodes.items():
            inode = path.stat().st_ino
            if inode != seen[-1]:
                seen.append(inode)


@pytest.fixture(scope="module")
def stage(new_module_stage: Any) -> Stage:
    stage: Stage = new_module_stage(workers=2, beats=2, files=80)
    stage.replicate()
    for root in stage.roots:
        for semaphore in (root / "App").glob("*.SEM"):
            semaphore.unlink()
    return stage


def stats_of(root: Path) -> dict[str, tuple[int, int, int]]:
    """What would betray any write: inode, change time, modification time."""
    found = {}
    for name in config_of(root):
        stat = (root / name).stat()
        found[name] = (stat.st_ino, stat.st_ctime_ns, stat.st_mtime_ns)
    return found


def change_lists(app: Path, text: str) -> list[str]:
    """Change some lists, which only their own semaphore tells of."""
    names = [f"list{number:04}.grp" for number in range(30)]
    for name in names:
        (app / name).write_bytes(f"; {text} in {name}\r\n".encode())
    return names


def codes_of(stage: Stage, job: int) -> Counter[str]:
    return Counter(event["code"] for event in stage.portal.ok("GET", f"jobs/{job}/events?limit=200")["results"])


def begun_at(stage: Stage, job: int) -> str:
    """When the job's last planning began: a busy machine can make one be given up and begun again."""
    events = stage.portal.ok("GET", f"jobs/{job}/events?limit=200")["results"]
    return str(max(event["at"] for event in events if event["code"] == "job.planning"))


def request_at_once(stage: Stage, times: int) -> list[int]:
    """The same request from many threads under one Idempotency-Key."""
    body = {"kind": "replicate", "cluster": stage.cluster}
    with ThreadPoolExecutor(times) as pool:
        asked = [pool.submit(stage.portal.ok, "POST", "jobs", body, Idempotency_Key="the-same") for _ in range(times)]
        return [answer.result()["id"] for answer in asked]


def test_one_effect(stage: Stage) -> None:
    primary, *secondaries = stage.roots
    changed = change_lists(primary / "App", "changed")
    before = [stats_of(root) for root in secondaries]
    snapshots = stage.portal.ok("GET", "snapshots")["results"]
    swaps = Swaps([root / "App" / name for root in secondaries for name in changed])
    taken: list[list[str]] = [[] for _ in secondaries]
    servers = [taking_semaphores(root, names) for root, names in zip(secondaries, taken, strict=True)]

    with swaps.acting, servers[0], servers[1]:
        jobs = request_at_once(stage, 4)
        assert len(set(jobs)) == 1
        with Flood(stage, jobs[0]):
            stage.wait_state(jobs[0], "succeeded")

    assert set(swaps.counts().values()) == {1}
    assert taken == [["GRPLIST.SEM"], ["GRPLIST.SEM"]]
    codes = codes_of(stage, jobs[0])
    assert codes["job.planning"] == codes["job.running"] == codes["job.succeeded"] == 1, codes
    assert codes["target.running"] == codes["target.verified"] == 2, codes
    assert "target.worker_died" not in codes
    assert len(stage.portal.ok("GET", "snapshots")["results"]) == len(snapshots) + 1
    for root, former in zip(secondaries, before, strict=True):
        now = stats_of(root)
        assert {name for name in now if now[name] != former[name]} == {f"App/{name}" for name in changed}
        assert config_of(root) == config_of(primary)
        assert not list(root.rglob(".cp~*"))


def test_messages_about_a_job_that_ended_do_nothing(stage: Stage) -> None:
    change_lists(stage.roots[0] / "App", "changed")
    job = stage.replicate()["id"]
    before, codes = [stats_of(root) for root in stage.roots], codes_of(stage, job)
    jobs = stage.portal.ok("GET", "jobs")

    with Flood(stage, job):
        pass

    assert [stats_of(root) for root in stage.roots] == before
    assert codes_of(stage, job) == codes
    assert stage.portal.ok("GET", "jobs") == jobs


def test_many_jobs_at_once_go_one_after_the_other(stage: Stage) -> None:
    """Jobs of one cluster wait for one another, whoever takes them; all end, and the last state is everywhere."""
    jobs = []
    for number in range(6):
        change_lists(stage.roots[0] / "App", f"change {number}")
        jobs.append(stage.request())
    with Flood(stage, jobs[0]):
        ended = [stage.wait_state(job, "succeeded", "cancelled") for job in jobs]
    assert ended[-1]["state"] == "succeeded"
    spans = sorted((begun_at(stage, job["id"]), job["ended_at"]) for job in ended)
    assert all(first[1] <= second[0] for first, second in pairwise(spans)), spans
    for root in stage.roots[1:]:
        assert config_of(root) == config_of(stage.roots[0])


def test_the_watch_has_one_effect(stage: Stage) -> None:
    stage.portal.ok("PUT", f"clusters/{stage.cluster}/watch", {"enabled": True})
    for number in range(5):
        content = f"; seen {number}\r\n".encode()
        (stage.roots[0] / "App" / "list0001.grp").write_bytes(content)
        wait_proven(stage, content, "list0001.grp")
    wait_quiet(stage)
    assert len(jobs_of(stage)) == 5
