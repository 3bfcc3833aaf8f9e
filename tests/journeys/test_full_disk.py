"""The disk is full: workers and timer say so, go on, and work again once there is room."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from celery.beat import PersistentScheduler
from redis import Redis

from clusterportal.celery import Beat, app
from tests.deadlines import wait_for
from tests.journeys.trees import config_of


def test_a_broker_that_refuses_to_write_ends_nobody(new_stage: Any) -> None:
    """As with a full disk under its log: it answers, and refuses whatever changes something."""
    stage = new_stage(nodes=2, files=40, approval="never")
    stage.replicate()
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
