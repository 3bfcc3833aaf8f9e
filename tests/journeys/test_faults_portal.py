"""What the portal itself stands on fails: its broker's disk is full, its workers are cut off from the database."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery.beat import PersistentScheduler
from redis import Redis

from clusterportal.celery import Beat, app
from tests.deadlines import wait_for
from tests.journeys.acting import Eye, has_staged, sha256, until
from tests.journeys.conftest import Stage
from tests.journeys.portal import SHORT_LEASES
from tests.journeys.trees import config_of, hashes, make_tree
from tests.proxy import Proxy

BIG = b"0123456789abcdef" * (50 * 1024 * 1024 // 16)
LEASE_IS_OVER = float(SHORT_LEASES["CLUSTERPORTAL_LEASE"]) + float(SHORT_LEASES["CLUSTERPORTAL_OPERATION"])


@pytest.fixture(scope="module")
def stage(new_module_stage: Any) -> Stage:
    """Two nodes that hold the same."""
    made: Stage = new_module_stage(nodes=2, files=40, approval="never", environment=SHORT_LEASES)
    made.replicate()
    return made


def test_a_broker_that_refuses_to_write_ends_nobody(stage: Stage) -> None:
    """As with a full disk under its log: it answers, and refuses whatever changes something."""
    broker = Redis(port=stage.portal.redis_port)
    broker.config_set("min-replicas-to-write", 1)
    try:
        wait_for("the worker was refused", lambda: "NOREPLICAS" in stage.portal.log_of("remote0"))
        wait_for("it tries again", lambda: stage.portal.log_of("remote0").count("NOREPLICAS") > 5)
        (stage.roots[0] / "App" / "list0001.grp").write_bytes(b"changed meanwhile")
        number = stage.request()
    finally:
        broker.config_set("min-replicas-to-write", 0)
        broker.close()
    assert all(process.poll() is None for process in stage.portal.processes.values())
    stage.wait_state(number, "succeeded")
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_a_timer_that_cannot_keep_its_times_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PersistentScheduler, "sync", full)
    with caplog.at_level(logging.WARNING):
        Beat.sync(Beat.__new__(Beat))
    assert "could not be kept: [Errno 28] No space left on device" in caplog.text
    assert app.conf.beat_scheduler == "clusterportal.celery:Beat"


@contextmanager
def nobody_writes(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database, timeout=10, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def wait_until_quiet(relay: Proxy) -> None:
    """Until nothing passed for half a second."""
    last = [relay.relayed, time.monotonic()]

    def quiet() -> bool:
        if relay.relayed != last[0]:
            last[:] = relay.relayed, time.monotonic()
        return time.monotonic() - last[1] > 0.5

    until("the worker gave up", quiet)


def real_names(root: Path) -> dict[str, str]:
    return {path: digest for path, digest in hashes(root).items() if ".cp~" not in path}


def test_a_worker_without_its_database_stops_before_its_lease_ends(stage: Stage) -> None:
    root = stage.folder / "node2" / "MDaemon"
    make_tree(root, "mx2", primary=False)
    with stage.relayed("mx2", root) as relay:
        (stage.roots[0] / "App" / "big.dat").write_bytes(b"old")
        stage.replicate()
        (stage.roots[0] / "App" / "big.dat").write_bytes(BIG)
        (stage.roots[0] / "App" / "list0001.grp").write_bytes(b"; changed\r\n")
        eye = Eye(root / "App" / "big.dat")

        with eye.watching():
            relay.freeze_after(len(BIG) // 4)
            job = stage.request()
            until("it is written", lambda: relay.is_frozen and has_staged(root, 100_000))
            with nobody_writes(stage.portal.database):
                before = real_names(root)
                time.sleep(LEASE_IS_OVER + 0.5)  # what is tested is that this time passes
                relay.thaw()
                wait_until_quiet(relay)
                assert real_names(root) == before
            ended = stage.wait_state(job, "succeeded")

    assert stage.target(ended, 2)["attempt"] >= 2
    assert "this worker leaves it" in stage.portal.log_of("remote0")
    assert eye.absent == 0
    assert eye.seen == [sha256(b"old"), sha256(BIG)]
    assert config_of(root) == config_of(stage.roots[0])
    assert not list(root.rglob(".cp~*"))
