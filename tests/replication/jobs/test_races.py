"""Two of everything: workers, messages, sweeps; and a worker that is dead, or cut off, or told to stop."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest
from django.db import connection, connections

from accounts.principals import SYSTEM
from nodes.clusters.models import Cluster
from nodes.leases.claims import Renewal, holding, renew
from nodes.leases.clock import later
from nodes.leases.errors import LeaseLost
from nodes.leases.worker import SHUTTING_DOWN
from nodes.registry.models import Node
from replication.jobs import failpoints
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.driving import drive
from replication.jobs.kinds import kind_named
from replication.jobs.models import Job, Target
from replication.jobs.planning import plan_job
from replication.jobs.runner import TargetOutcome
from replication.jobs.services.claims import claim_job, claim_targets
from replication.jobs.services.outcomes import Ended, Finish, finish_targets
from replication.jobs.services.recovery import PLANNING_DEATHS, sweep
from replication.jobs.services.requests import approve_job, cancel_job
from replication.jobs.services.write_stop import allow_writes, stop_all_writes
from tests.deadlines import PATIENCE, promised, wait_for
from tests.replication.toy import plannings
from tests.threads import Thread, both

pytestmark = pytest.mark.django_db(transaction=True)

LEASE, OPERATION = 4.0, 1.0


@pytest.fixture(autouse=True)
def _short_leases(settings, _engine) -> None:
    settings.PORTAL = replace(settings.PORTAL, lease=LEASE, operation=OPERATION)


FORK = multiprocessing.get_context("fork")


class Worker:
    """A worker process on the test's database, a fork; it starts when told to."""

    def __init__(self, *jobs: Job) -> None:
        connections.close_all()
        self._told = FORK.Event()
        self.process = FORK.Process(target=self._work, args=([job.pk for job in jobs],), daemon=True)
        self.process.start()

    def _work(self, jobs: list[int]) -> None:
        self._told.wait(PATIENCE)
        for job in jobs:
            plan_job(job)
        drive()

    def go(self) -> Worker:
        self._told.set()
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.join(PATIENCE)
        self.process.close()

    def end(self) -> int | None:
        self.process.join(PATIENCE)
        return self.process.exitcode


@pytest.fixture
def worker():
    made: list[Worker] = []

    def make(*jobs: Job) -> Worker:
        made.append(Worker(*jobs))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def take_over(count: int) -> None:
    """Sweep until so many targets were taken over, in however many sweeps: their leases were not renewed at once."""
    taken: list[int] = []

    def swept() -> bool:
        taken.append(sweep().targets_taken_over)
        return sum(taken) >= count

    wait_for("a takeover", swept)
    assert sum(taken) == count


def test_two_threads_claim_one_job(toys):
    for _ in range(5):
        job = toys.request()
        claims = both(partial(claim_job, job.pk, owner="w", resources=("r",)))
        assert sorted(claim is None for claim in claims) == [False, True]
        cancel_job(SYSTEM, job.pk)
        Job.objects.filter(pk=job.pk).update(lease_until=later(-60))
        sweep()
        assert toys.now(job).state == "cancelled"


def test_two_threads_claim_the_same_targets(toys):
    job = toys.planned()
    claimed = both(lambda: claim_targets(job, 2, owner="w", resources=()))
    ids = [target.pk for batch in claimed for _, target in batch]
    assert len(ids) == len(set(ids)) == 3
    assert set(Target.objects.values_list("fence", flat=True)) == {1}


def test_two_processes_share_the_work_without_doing_any_twice(toys, worker):
    for number in range(9):
        Node.objects.create(
            cluster=toys.cluster, name=f"n{number}", address=f"192.0.2.9{number}", platform="posix", install_root="/x"
        )
    job = toys.request(steps=3, pace=0.05)
    workers = [worker(job) for _ in range(2)]
    for one in workers:
        one.go()
    assert [one.end() for one in workers] == [0, 0]
    job = toys.now(job)
    assert job.state == "succeeded"
    assert plannings(toys.journal) == 1
    done = Counter((one.node, one.step) for one in toys.done())
    assert len(done) == 36
    assert set(done.values()) == {1}


def test_two_sweeps_at_once_take_over_once(toys):
    job = toys.planned()
    claim_targets(job, 3, owner="dead", resources=())
    Target.objects.update(lease_until=later(-2))
    both(sweep)
    assert toys.log(job).count("target.worker_died") == 3
    assert set(Target.objects.values_list("state", "fence")) == {("pending", 2)}


def test_no_takeover_before_lease_and_operation_are_over(toys):
    job = toys.planned(names="a")
    claim_targets(job, 1, owner="slow", resources=())
    Target.objects.update(lease_until=later(-0.5))
    assert sweep().targets_taken_over == 0
    Target.objects.update(lease_until=later(-1.2))
    assert sweep().targets_taken_over == 1


def test_what_the_old_owner_writes_is_void(toys):
    job = toys.planned(names="a")
    ((old, target),) = claim_targets(job, 1, owner="old", resources=())
    Target.objects.update(lease_until=later(-2))
    sweep()
    ((new, _),) = claim_targets(job, 1, owner="new", resources=())
    assert new.fence > old.fence
    late = Finish(old, target, Ended(TargetState.FAILED, "late"), record=lambda: pytest.fail("ran"))
    assert isinstance(finish_targets([late])[0], LeaseLost)
    with pytest.raises(LeaseLost), holding(old):
        pytest.fail("held")
    assert renew([Renewal(old, {"phase": "late"}), Renewal(new)]).keys() == {new.key}
    row = Target.objects.get()
    assert (row.state, row.owner, row.phase, row.error) == ("running", "new", "starting", "")


def test_a_killed_worker_is_taken_over_and_its_work_done(toys, worker):
    job = toys.request(steps=40, pace=0.05)
    victim = worker(job).go()
    wait_for("three nodes at work", lambda: len({one.node for one in toys.done()}) == 3)
    os.kill(victim.process.pid, signal.SIGKILL)
    victim.process.join(PATIENCE)
    died = time.monotonic()
    leases = [until.timestamp() for until in Target.objects.values_list("lease_until", flat=True) if until]
    take_over(3)
    assert len(leases) == 3
    assert time.time() >= max(leases) + OPERATION, "lease and operation time-out had to pass first"
    drive()
    assert toys.now(job).state == "succeeded"
    fences = {one.fence for one in toys.done() if one.at > died}
    assert fences == {3}


def test_a_worker_killed_while_planning(toys, worker):
    job = toys.request(plan_steps=100, pace=0.05)
    victim = worker(job).go()
    wait_for("planning", lambda: toys.now(job).state == "planning" and plannings(toys.journal))
    os.kill(victim.process.pid, signal.SIGKILL)
    wait_for("a takeover", lambda: sweep().jobs_taken_over == 1)
    assert toys.now(job).state == "requested"
    Job.objects.filter(pk=job.pk).update(options={**job.options, "plan_steps": 0})
    assert plan_job(job.pk)
    drive()
    assert toys.now(job).state == "succeeded"


def test_planning_that_kills_every_worker_is_given_up(toys):
    job = toys.request()
    for number in range(PLANNING_DEATHS + 1):
        assert claim_job(job.pk, owner="w", resources=("r",)), number
        Job.objects.filter(pk=job.pk).update(lease_until=later(-60))
        sweep()
    assert (toys.now(job).state, toys.now(job).error_code, toys.locks()) == ("failed", "worker_died", 0)


def test_a_worker_that_hangs_loses_its_lease(toys):
    gate, seen = threading.Event(), threading.Event()

    def hang(name: str) -> None:
        if name == "step-0":
            seen.set()
            gate.wait(PATIENCE)

    failpoints.OBSERVERS.append(hang)
    try:
        job = toys.planned(names="a", steps=3)
        thread = Thread(drive)
        thread.start()
        assert seen.wait(PATIENCE)
        wait_for("a takeover", lambda: sweep().targets_taken_over == 1)
    finally:
        failpoints.OBSERVERS.remove(hang)
        gate.set()
    thread.done()
    assert toys.now(job).state in (JobState.SUCCEEDED, JobState.RUNNING)
    drive()
    assert toys.now(job).state == "succeeded"
    done = toys.done()
    assert [one.step for one in done if one.fence == done[0].fence] == [0], (
        "after waking up the old owner changed nothing more"
    )


def test_progress_keeps_the_lease_beyond_its_length(toys):
    job = toys.planned(names="a", steps=70, pace=0.1)
    thread = Thread(drive)
    thread.start()
    taken = []
    while thread.is_alive():
        taken.append(sweep().targets_taken_over)
        time.sleep(0.2)
    thread.done()
    assert sum(taken) == 0
    assert toys.now(job).state == "succeeded"
    assert toys.now(job).targets.get().fence == 1


def test_progress_is_seen_while_it_happens(toys):
    job = toys.planned(names="a", steps=40, pace=0.1)
    thread = Thread(drive)
    thread.start()
    target = wait_for("counters", lambda: Target.objects.filter(job=job, files_done__gt=5, files_total=40).first())
    assert target.phase.startswith("step ")
    assert "toy.step" in toys.log(job)
    cancel_job(SYSTEM, job.pk)
    thread.done()


def test_a_worker_cut_off_from_the_database_stops_changing(toys, worker):
    job = toys.request(steps=400, pace=0.05)
    worker(job).go()
    wait_for("all at work", lambda: len({one.node for one in toys.done()}) == 3)
    wait_for("a renewal", lambda: Target.objects.filter(files_done__gt=0).exists())
    other = sqlite3.connect(connection.settings_dict["NAME"], timeout=30, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    locked = time.monotonic()
    try:
        wait_for("the lease has ended", lambda: time.monotonic() - locked > LEASE)
        last = toys.done()[-1].at
        time.sleep(OPERATION + 1.0)  # the lease ends meanwhile; nobody may write after that
        assert toys.done()[-1].at == last
        assert last - locked < min(LEASE, promised(LEASE - OPERATION + 0.5)), (
            "its own deadline after the last renewal, and a step"
        )
    finally:
        other.execute("ROLLBACK")
        other.close()
    take_over(3)


@pytest.mark.parametrize("way", ["cancel", "pause", "stop"])
def test_told_to_stop_it_stops_within_two_seconds(toys, way):
    job = toys.planned(steps=200, pace=0.05)
    thread = Thread(drive)
    thread.start()
    wait_for("all at work", lambda: len({one.node for one in toys.done()}) == 3)
    told = time.monotonic()
    if way == "cancel":
        cancel_job(SYSTEM, job.pk)
    elif way == "pause":
        Cluster.objects.update(paused=True)
    else:
        stop_all_writes(SYSTEM, "test")
    thread.done()
    assert toys.done()[-1].at - told < promised(2)
    job = toys.now(job)
    if way == "cancel":
        assert (job.state, set(toys.states(job).values())) == ("cancelled", {"cancelled"})
        return
    assert (job.state, set(toys.states(job).values())) == ("running", {"pending"})
    assert job.phase == {"pause": "cluster is paused", "stop": "all writes are stopped by system"}[way]
    assert drive() == 0
    Job.objects.filter(pk=job.pk).update(options={**job.options, "steps": 1})
    Cluster.objects.update(paused=False)
    allow_writes(SYSTEM)
    assert drive() == 3
    assert toys.now(job).state == "succeeded"


def test_cancel_while_planning(toys):
    job = toys.request(plan_steps=200, pace=0.05)
    thread = Thread(lambda: plan_job(job.pk))
    thread.start()
    wait_for("planning", lambda: plannings(toys.journal))
    cancel_job(SYSTEM, job.pk)
    thread.done()
    assert (toys.now(job).state, toys.locks()) == ("cancelled", 0)


def test_pause_while_planning_gives_the_job_back(toys):
    job = toys.request(plan_steps=200, pace=0.05)
    thread = Thread(lambda: plan_job(job.pk))
    thread.start()
    wait_for("planning", lambda: plannings(toys.journal))
    Cluster.objects.update(paused=True)
    thread.done()
    assert (toys.now(job).state, toys.now(job).phase, toys.locks()) == ("requested", "cluster is paused", 0)


def test_a_dead_workers_target_of_a_cancelled_job_is_cancelled(toys):
    job = toys.planned(names="a")
    claim_targets(job, 1, owner="dead", resources=())
    cancel_job(SYSTEM, job.pk)
    assert toys.now(job).state == "running"
    Target.objects.update(lease_until=later(-5))
    sweep()
    assert toys.now(job).state == "cancelled"


def test_the_sweep_says_why_a_job_stands_still(toys):
    job = toys.planned()
    stop_all_writes(SYSTEM, "test")
    sweep()
    assert toys.now(job).phase == "all writes are stopped by system"
    Cluster.objects.update(paused=True)
    sweep()
    assert toys.now(job).phase == "cluster is paused"


def test_the_sweep_settles_and_unlocks_what_was_forgotten(toys):
    job = toys.planned()
    Target.objects.update(state=TargetState.VERIFIED)
    swept = sweep()
    assert (toys.now(job).state, swept.locks_released, toys.locks()) == ("succeeded", 0, 0)
    later_job = toys.planned()
    Job.objects.filter(pk=later_job.pk).update(state=JobState.FAILED)
    assert sweep().locks_released == 1


def test_a_fault_in_record_fails_one_target(toys, monkeypatch):
    def broken() -> None:
        raise ZeroDivisionError

    outcome = TargetOutcome(TargetState.VERIFIED, record=broken)
    monkeypatch.setattr(kind_named("toy").runner, "run_target", lambda work: outcome, raising=False)
    job = toys.planned()
    drive()
    assert set(job.targets.values_list("state", "error_code")) == {("failed", "internal_error")}


def test_a_worker_told_to_end_leaves_its_targets_to_others(toys):
    job = toys.planned(steps=400, pace=0.05)
    thread = Thread(drive)
    thread.start()
    wait_for("all at work", lambda: len({one.node for one in toys.done()}) == 3)
    SHUTTING_DOWN.set()
    try:
        thread.done()
    finally:
        SHUTTING_DOWN.clear()
    assert set(toys.states(job).values()) == {"pending"}
    Job.objects.filter(pk=job.pk).update(options={**job.options, "steps": 1})
    Target.objects.update(not_before=None)
    assert drive() == 3
    assert toys.now(job).state == "succeeded"


def test_an_approved_plan_that_waited_is_overtaken_by_a_newer_one(toys):
    awaiting = toys.planned(approval=True)
    running = toys.planned(names="a")
    approve_job(SYSTEM, awaiting.pk, awaiting.plan_digest)
    assert claim_targets(toys.now(awaiting), 3, owner="w", resources=(f"cluster:{toys.cluster.pk}:config",)) == []
    assert toys.now(awaiting).phase == f"waits for job #{running.pk}"
    newer = toys.request()
    claim_targets(running, 1, owner="w", resources=())
    cancel_job(SYSTEM, running.pk)
    Target.objects.filter(job=running).update(lease_until=later(-60))
    sweep()
    assert plan_job(newer.pk)
    assert toys.now(awaiting).state == "cancelled"
    assert toys.now(awaiting).error == f"Superseded by #{newer.pk}."
