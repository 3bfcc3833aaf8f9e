"""Messages to workers: sent after the commit, to tasks that exist, and never the reason for a request to fail."""

from __future__ import annotations

import time

import pytest
from celery import current_app
from django.db import transaction

from accounts.principals import SYSTEM
from replication import tasks as replication_tasks
from replication.jobs import wake
from replication.jobs.services.requests import JobRequest, request_job
from tests.deadlines import promised

SEND = wake._send


def test_what_is_woken_is_registered():
    current_app.loader.import_default_modules()
    assert {wake.PLAN, wake.DRIVE, replication_tasks.sweep.name} <= set(current_app.tasks)
    beat = {entry["task"] for entry in current_app.conf.beat_schedule.values()}
    assert beat <= set(current_app.tasks)
    routes = current_app.conf.task_routes
    assert {routes[name]["queue"] for name in (wake.PLAN, wake.DRIVE)} == {"remote"}


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_for_what_is_rolled_back(toys, messages):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        toys.request()
        raise ZeroDivisionError
    assert messages == []


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_fails_no_request(toys, messages, monkeypatch):
    monkeypatch.setattr(wake, "_send", SEND)
    monkeypatch.setattr(current_app.conf, "broker_url", "redis://127.0.0.1:1/0")
    # pools of its own, which are let go with it: one that was closed would be so for every later test
    monkeypatch.setattr(current_app, "_pool", None)
    monkeypatch.setattr(current_app.amqp, "_producer_pool", None)
    began = time.monotonic()
    job, created = request_job(SYSTEM, JobRequest(toys.cluster.pk, "toy", {"journal": str(toys.journal)}))
    assert created
    assert toys.now(job).state == "requested"
    assert time.monotonic() - began < promised(5)
