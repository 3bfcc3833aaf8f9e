"""What is said of how far a job is: never more than what is proven, and no time that is not known."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import F
from django.utils import timezone

from accounts.models import Role
from accounts.principals import SYSTEM, Principal
from nodes.clusters.models import Cluster
from nodes.registry.models import Node
from replication import migrations
from replication.files.core.changes import Change, ChangeKind, Wanted
from replication.files.core.paths import RelPath
from replication.jobs import planning
from replication.jobs.core.plan import NodePlan
from replication.jobs.core.plan_text import Numbers, numbers_each
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.driving import drive
from replication.jobs.kinds import kind_named
from replication.jobs.lease import ClaimedLease
from replication.jobs.models import Job, Target, WriteStop
from replication.jobs.selectors.jobs import jobs_for, visible_jobs
from replication.jobs.selectors.progress import JobProgress, progress_of
from replication.jobs.services.claims import claim_targets
from replication.jobs.services.job_state import update_job_state
from replication.jobs.services.outcomes import Ended, Finish, finish_targets
from replication.jobs.services.recovery import sweep
from replication.jobs.services.requests import approve_job, cancel_job
from replication.jobs.services.workers import note_worker
from replication.jobs.services.write_stop import allow_writes, stop_all_writes
from replication.jobs.words import duration, longest_phases, status_of_job
from tests.factories import make_cluster, make_node, make_user
from tests.replication.toy import ToyRunner

MIB = 1024 * 1024
V, R, W, P, C = (
    TargetState.VERIFIED,
    TargetState.RUNNING,
    TargetState.WAITING,
    TargetState.PENDING,
    TargetState.CANCELLED,
)
ENDED = {V, C}
TIMES = {"started_at": 0, "planned_at": 50, "approved_at": 850, "ended_at": 900}
"""Seconds after which a job that asked for approval came so far."""


def part(state: TargetState, done: int, total: int, *, seconds: float = 0.0) -> Target:
    """A node's part: files, of a MiB each; `seconds`: it has been sending for so long, after it was packed."""
    moment = timezone.now()
    return Target(
        state=state,
        files_done=done,
        files_total=total,
        bytes_done=done * MIB,
        bytes_total=total * MIB,
        started_at=moment if seconds else None,
        worked_since=moment - timedelta(hours=1) if seconds else None,
        sending_since=moment - timedelta(seconds=seconds) if seconds and done else None,
        ended_at=moment if state in ENDED else None,
    )


def far(state: JobState, *parts: Target) -> JobProgress:
    return progress_of(Job(state=state, created_at=timezone.now()), parts)


def test_nodes_that_wait_count_with_all_their_files():
    progress = far(JobState.CONVERGING, part(V, 400, 400), part(W, 0, 400), part(W, 300, 400))
    assert (progress.files_done, progress.files_total, progress.percent) == (400, 1200, 33)
    assert (progress.targets_verified, progress.targets, progress.left) == (1, 3, None)


def test_what_is_in_place_is_not_yet_proven():
    assert far(JobState.RUNNING, part(R, 400, 400, seconds=9), part(R, 400, 400, seconds=9)).percent == 99


def test_no_more_is_sent_than_there_is():
    one = part(R, 400, 400, seconds=9)
    one.bytes_done += 4096  # shares of a packed stream, rounded
    assert far(JobState.RUNNING, one).bytes_done == 400 * MIB


def test_while_a_nodes_files_are_not_known_nodes_are_counted():
    progress = far(JobState.CONVERGING, part(V, 400, 400), part(V, 0, 0), part(W, 0, 0))
    assert (progress.files_done, progress.files_total, progress.percent) == (400, 400, 66)
    assert progress.targets_unknown == 1


def test_what_was_cancelled_says_after_how_much():
    progress = far(JobState.CANCELLED, part(V, 400, 400), part(C, 12, 400), part(C, 0, 400))
    assert (progress.files_done, progress.files_total, progress.percent) == (412, 1200, 34)


def test_time_left_is_told_while_nodes_move():
    progress = far(JobState.RUNNING, part(R, 100, 400, seconds=10), part(P, 0, 400))
    assert progress.rate == pytest.approx(10 * MIB, rel=0.5)
    assert progress.left is not None and timedelta(seconds=30) < progress.left < timedelta(seconds=180)


@pytest.mark.parametrize(
    ("state", "parts"),
    [
        (JobState.CONVERGING, [part(V, 400, 400), part(W, 100, 400)]),
        (JobState.RUNNING, [part(R, 100, 400, seconds=9), part(W, 0, 400)]),  # nobody knows when it returns
        (JobState.RUNNING, [part(R, 100, 400, seconds=9), part(P, 0, 0)]),  # nobody knows what it needs
        (JobState.RUNNING, [part(R, 400, 400, seconds=9)]),  # all is sent; how long it settles is not known
        (JobState.RUNNING, [part(P, 100, 400)]),  # nobody works on it
    ],
)
def test_time_left_is_not_told_where_it_is_not_known(state, parts):
    assert far(state, *parts).left is None


# --- what the engine writes ---


def seen(job: Job) -> Job:
    return visible_jobs(SYSTEM).get(pk=job.pk)


def label(job: Job) -> str:
    return status_of_job(seen(job)).label


def passed(job: Job, seconds: float) -> None:
    """Let so much time pass for a job and its targets."""
    span = timedelta(seconds=seconds)
    for model, mine in ((Job, {"pk": job.pk}), (Target, {"job": job.pk})):
        for name in ("created_at", "started_at", "worked_since"):
            if hasattr(model, name):
                model.objects.filter(**mine).update(**{name: F(name) - span})


def spent(job: Job) -> tuple[int, int]:
    """Seconds it ran and waited, to the hundred: a few of this test's own aside."""
    progress = progress_of(seen(job), list(job.targets.all()))
    return round(progress.ran.total_seconds() / 100) * 100, round(progress.waited.total_seconds() / 100) * 100


def test_waiting_for_a_person_for_its_turn_and_for_a_node_is_told_apart_from_running(toys):
    job = toys.request(names="a", approval=True)
    passed(job, 1000)  # for its turn
    toys.plan(job)
    passed(job, 2000)  # for approval
    assert spent(job) == (0, 3000)
    approve_job(SYSTEM, job.pk, toys.now(job).plan_digest)
    passed(job, 1000)  # for a worker
    claim, target = claim_targets(toys.now(job), 1, owner="one", resources=())[0]
    passed(job, 500)
    assert spent(job) == (500, 4000)
    finish_targets([Finish(claim, target, Ended(TargetState.WAITING, "It is away.", delay=0.0))])
    assert (toys.now(job).state, label(job)) == ("converging", "Converging")
    passed(job, 7000)  # for the node
    assert spent(job) == (500, 11_000)
    drive()
    assert toys.now(job).state == "succeeded"
    passed(job, 0)
    assert spent(job) == (500, 11_000)
    assert round(job.targets.get().ran.total_seconds(), -2) == 500


def test_a_rate_begins_with_the_first_byte_of_a_try(toys):
    job = toys.planned(names="a")
    Target.objects.update(sending_since=timezone.now() - timedelta(days=1))
    claim, target = claim_targets(job, 1, owner="one", resources=())[0]
    assert job.targets.get().sending_since is None
    lease = ClaimedLease(claim, node_id=target.node_id)
    lease.progress(phase="packing")
    assert "sending_since" not in lease.counters()
    lease.progress(bytes=10)
    begun = lease.counters()["sending_since"]
    lease.progress(bytes=10)
    assert lease.counters()["sending_since"] == begun


def test_a_job_runs_as_long_as_one_of_its_nodes_is_worked_on(toys):
    job = toys.planned(names="ab")
    both = claim_targets(job, 2, owner="one", resources=())
    for claim, target in both:
        passed(job, 1000)
        finish_targets([Finish(claim, target, Ended(TargetState.VERIFIED, "Proven."))])
    assert spent(job) == (2000, 0)
    assert [round(one.ran.total_seconds(), -3) for one in job.targets.order_by("pk")] == [1000, 2000]


def test_without_a_worker_the_page_says_that_nothing_goes_on(toys, console_for):
    browser = console_for(make_user(portal_role=Role.VIEWER))
    address = f"/jobs/{toys.planned().pk}/"
    words = "No worker gave a sign of life"
    assert words in browser.get(address).content.decode()
    note_worker("mail:1", "remote")
    page = browser.get(address).content.decode()
    assert words not in page and "Waiting" in page


def test_what_a_dead_worker_had_is_no_longer_running(toys):
    job = toys.planned(names="a")
    claim_targets(job, 1, owner="dead", resources=())
    assert label(job) == "Running"
    Target.objects.update(lease_until=timezone.now() - timedelta(hours=1))
    sweep()
    assert (toys.now(job).state, toys.now(job).worked_since, label(job)) == ("running", None, "Waiting")


def test_a_nodes_files_are_known_from_the_plan_on(toys, monkeypatch):
    wanted = Wanted("0" * 64, 10, 0, shared=False)
    steps = tuple(Change(ChangeKind.ADD, RelPath(f"App/{number}.grp"), wanted, None) for number in range(3))
    sizes = numbers_each(kind_named("replicate").text, [NodePlan(1, "a", steps), NodePlan(2, "b", away="It is away.")])
    assert [(size.files, size.bytes) for size in sizes] == [(3, 30), (0, 0)]
    monkeypatch.setattr(planning, "numbers_each", lambda _, parts: [Numbers(30, 0, 3) for _ in parts])
    job = toys.planned()
    assert set(job.targets.values_list("files_total", "bytes_total")) == {(3, 30)}
    assert progress_of(seen(job), list(job.targets.all())).percent == 0


def test_nodes_of_a_kind_without_files_are_counted(toys):
    """The toy's steps are no files."""
    job = toys.planned(names="abc")
    assert set(job.targets.values_list("files_total", "bytes_total")) == {(0, 0)}
    assert progress_of(seen(job), list(job.targets.all())).percent == 0


def test_while_nothing_may_be_written_no_job_says_that_it_runs(toys):
    job = toys.planned()
    claim_targets(job, 1, owner="one", resources=())
    assert label(job) == "Running"
    stop_all_writes(SYSTEM, "test")
    assert label(job) == "Paused: all writes stopped"
    allow_writes(SYSTEM)
    Cluster.objects.update(paused=True)
    assert label(job) == "Paused: cluster"
    assert label(toys.request()) == "Paused: cluster"
    Cluster.objects.update(paused=False)
    Node.objects.filter(name__in="ab").update(paused=True)
    assert label(job) == "Running"
    Node.objects.update(paused=True)
    assert label(job) == "Paused: nodes"
    cancel_job(SYSTEM, job.pk)
    Target.objects.update(lease_until=timezone.now() - timedelta(hours=1))
    sweep()
    assert label(job) == "Cancelled"


def test_what_ended_before_the_times_were_kept_apart_shows_what_is_known(toys):
    (module,) = (place.stem for place in Path(migrations.__path__[0]).glob("*_time_run.py"))
    began = timezone.now() - timedelta(seconds=1000)
    job = toys.request()
    at = {name: began + timedelta(seconds=after) for name, after in TIMES.items()}
    Job.objects.filter(pk=job.pk).update(**at)
    Target.objects.create(job=job, node=Node.objects.get(name="a"), started_at=began, ended_at=at["ended_at"])
    import_module(f"replication.migrations.{module}").fill(apps, None)
    assert (toys.now(job).ran, job.targets.get().ran) == (timedelta(seconds=100), timedelta(seconds=900))
    assert toys.request().ran == timedelta()


def test_a_cancelled_job_keeps_what_it_had_done(toys):
    job = toys.planned(names="ab")
    claim, target = claim_targets(job, 1, owner="one", resources=())[0]
    Target.objects.filter(job=job).update(files_total=600)
    cancel_job(SYSTEM, job.pk)
    ended = Ended(TargetState.CANCELLED, "Cancelled.", progress={"files_done": 412})
    finish_targets([Finish(claim, target, ended)])
    update_job_state(job.pk)
    progress = progress_of(seen(job), list(job.targets.all()))
    assert (toys.now(job).state, progress.files_done, progress.files_total) == ("cancelled", 412, 1200)


@pytest.mark.django_db
def test_the_pages_say_it(console_for):
    user = make_user("astrid", portal_role=Role.ADMINISTRATOR)
    cluster = make_cluster("mail")
    job = Job.objects.create(
        kind="replicate", cluster=cluster, requester="astrid", state=JobState.CANCELLED, ended_at=timezone.now()
    )
    for name, done in (("a", 412), ("b", 0)):
        target = {"state": C, "files_done": done, "files_total": 600, "ended_at": timezone.now()}
        Target.objects.create(job=job, node=make_node(cluster, name), **target)
    browser = console_for(user)
    page = browser.get(f"/jobs/{job.pk}/").content.decode()
    assert "after 412 of 1,200 files" in page and "<progress" not in page and "34 %" not in page
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING, ended_at=None, worked_since=timezone.now())
    WriteStop.objects.create(pk=1, stopped=True, by="astrid")
    for address in (f"/jobs/{job.pk}/", "/jobs/", "/jobs/board/", "/", f"/clusters/{cluster.pk}/"):
        page = browser.get(address).content.decode()
        assert "Paused: all writes stopped" in page, address
        assert "></i>Running<" not in page, address
    board = browser.get("/jobs/board/").content.decode()
    assert "Nothing runs." in board
    answer = jobs_for(Principal(user=user, via="console")).get(pk=job.pk)
    assert status_of_job(answer).label == "Paused: all writes stopped"


def test_how_long_each_phase_took_is_kept_with_a_target_s_end(toys):
    job = toys.planned(names="a")
    claim, target = claim_targets(job, 1, owner="one", resources=())[0]
    lease = ClaimedLease(claim, node_id=target.node_id)
    for name in ("looked", "staged", "staged"):
        lease.boundary(name)
    ended = Ended(TargetState.VERIFIED, "Proven.", progress=lease.counters())
    assert finish_targets([Finish(claim, target, ended)]) == [None]
    kept = job.targets.get().phases
    assert kept == lease.phases() and list(kept) == ["looked", "staged"]
    assert all(seconds >= 0 for seconds in kept.values())


def test_how_long_each_phase_took_is_kept_with_a_plan(toys, monkeypatch):
    plan = ToyRunner.plan

    def passing(runner, work):
        work.lease.boundary("looked")
        return plan(runner, work)

    monkeypatch.setattr(ToyRunner, "plan", passing)
    assert list(toys.planned(names="a").phases) == ["looked"]


def test_the_longest_phases_are_told_each_by_the_node_where_it_took_longest():
    parts = [
        Target(phases={"looked": 1.0, "staged-verified": 0.52, "kept": 0.01}),
        Target(phases={"looked": 3.21, "proven": 0.2}),
        Target(),
    ]
    assert longest_phases(parts) == "looked 3.2 s, staged verified 0.5 s, proven 0.2 s"
    assert longest_phases([Job()]) == ""


def test_a_short_span_is_told_in_seconds_and_a_long_one_as_on_a_clock():
    told = {0: "0.0 s", 0.42: "0.4 s", 12.9: "12 s", 60: "0:01:00", 3725: "1:02:05"}
    assert {seconds: duration(timedelta(seconds=seconds)) for seconds in told} == told
    assert duration(None) == ""
