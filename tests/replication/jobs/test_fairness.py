"""One cluster's nodes hang, all of them; another cluster's jobs go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from nodes.clusters.models import Cluster
from nodes.leases.crew import CREW
from replication import tasks
from replication.jobs import driving
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.driving import drive
from replication.jobs.models import Job
from replication.jobs.runner import PlanOutcome, PlanWork, TargetOutcome, TargetWork
from tests.deadlines import PATIENCE, wait_for
from tests.factories import make_cluster, make_node
from tests.replication import toy
from tests.replication.conftest import Toys
from tests.threads import Thread

pytestmark = pytest.mark.django_db(transaction=True)

SHARE = 2


@pytest.fixture(autouse=True)
def _small_share(settings, _engine) -> None:
    settings.PORTAL = replace(settings.PORTAL, target_workers=SHARE, lease=2 * PATIENCE)


@pytest.fixture
def others(db, tmp_path) -> Toys:
    """Another cluster."""
    cluster = make_cluster("others")
    for name in "xyz":
        make_node(cluster, name)
    return Toys(cluster, tmp_path / "others")


def wait_done(toys: Toys, job: Job) -> None:
    wait_for(f"job {job.pk} is done", lambda: toys.now(job).state == JobState.SUCCEEDED)


class Hanging:
    """The nodes of one cluster answer nothing, when they are planned (`while_planned`) or driven, until they are let
    go."""

    def __init__(self) -> None:
        self.cluster: Cluster | None = None
        self.while_planned = False
        self.over = threading.Event()
        self.begun: list[str] = []

    def hang(self, job: Job, what: str) -> None:
        if job.cluster == self.cluster:
            self.begun.append(what)
            assert self.over.wait(PATIENCE)


@pytest.fixture
def hanging(monkeypatch, toys) -> Iterator[Hanging]:
    made = Hanging()
    made.cluster = toys.cluster
    plan, run = toy.ToyRunner.plan, toy.ToyRunner.run_target

    def planned(runner: toy.ToyRunner, work: PlanWork) -> PlanOutcome:
        if made.while_planned:
            made.hang(work.job, "plan")
        return plan(runner, work)

    def driven(runner: toy.ToyRunner, work: TargetWork) -> TargetOutcome:
        made.hang(work.job, work.node.name)
        return run(runner, work)

    monkeypatch.setattr(toy.ToyRunner, "plan", planned)
    monkeypatch.setattr(toy.ToyRunner, "run_target", driven)
    yield made
    made.over.set()


def test_nodes_that_hang_take_their_own_clusters_share_only(toys, others, hanging):
    hung = toys.planned()
    driver = Thread(drive)
    driver.start()
    wait_for("the share is taken", lambda: len(hanging.begun) == SHARE)
    wait_done(others, others.planned())
    assert sorted(toys.states(hung).values()) == [TargetState.PENDING, TargetState.RUNNING, TargetState.RUNNING]
    hanging.over.set()
    driver.done()
    assert toys.now(hung).state == JobState.SUCCEEDED


def test_a_drive_that_is_woken_looks_at_once(toys, others, hanging, monkeypatch):
    monkeypatch.setattr(driving, "LOOK_EVERY", 10 * PATIENCE)
    toys.planned()
    driver = Thread(drive)
    driver.start()
    wait_for("the share is taken", lambda: len(hanging.begun) == SHARE)
    going = others.planned()
    driving.wake()
    wait_done(others, going)
    hanging.over.set()
    driver.done()


@pytest.fixture
def worker() -> Iterator[None]:
    """This process' tasks hand over as a worker's do."""
    CREW.open()
    yield
    CREW.close()


def test_planning_that_hangs_keeps_no_other_cluster_waiting(toys, others, hanging, worker):
    hanging.while_planned = True
    dry = [toys.request(dry_run=True) for _ in range(2 * tasks.PLANS_AT_ONCE)]
    for job in dry:
        tasks.plan(job.pk)
    wait_for("the lane is full", lambda: len(hanging.begun) == tasks.PLANS_AT_ONCE)
    going = others.request()
    tasks.plan(going.pk)
    wait_done(others, going)
    assert len(hanging.begun) == tasks.PLANS_AT_ONCE
    hanging.over.set()
    for job in dry:
        wait_done(toys, job)


def test_one_drive_serves_all(toys, others, hanging, worker):
    hung = toys.request()
    tasks.plan(hung.pk)
    wait_for("the share is taken", lambda: len(hanging.begun) == SHARE)
    for _ in range(5):
        going = others.request()
        tasks.plan(going.pk)
        wait_done(others, going)
    assert [thread.name for thread in threading.enumerate()].count("drive") == 1
    assert len(hanging.begun) == SHARE
    hanging.over.set()
    wait_done(toys, hung)
