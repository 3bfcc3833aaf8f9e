"""The daily turn over the database: years of jobs are bounded, and nothing goes that anything still needs."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import AuditEvent
from nodes.clusters.models import Cluster
from nodes.enums import NodeRole
from replication.backup import old_rows
from replication.configuration.models import Baseline, Conflict, Origin, Snapshot
from replication.jobs.core.states import JOB_TERMINAL, JobState
from replication.jobs.models import Job, JobEvent, Target
from replication.tasks import run_retention
from replication.watch.models import Watch
from replication.watch.selectors.served import jobs_seen, served_by_watch
from tests.factories import make_cluster, make_node
from tests.threads import Thread, both

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
A_DAY, LEAST, MOST = 1, 40, 200


@pytest.fixture(autouse=True)
def _limits(settings, monkeypatch):
    settings.PORTAL = replace(settings.PORTAL, job_days=A_DAY, jobs_least=LEAST, jobs_most=MOST)
    monkeypatch.setattr(old_rows, "BATCH", 50)


@pytest.fixture
def cluster() -> Cluster:
    made = make_cluster("mail")
    make_node(made, "mx0", role=NodeRole.PRIMARY)
    make_node(made, "mx1")
    make_node(made, "mx2")
    return made


def changes(cluster: Cluster, number: int, *, newest: datetime, every: timedelta = MINUTE, **fields: Any) -> list[Job]:
    """Replications that ended, one a change, the last at `newest`; with a snapshot, a target and an event each."""
    base = {"cluster": cluster, "kind": "replicate", "state": JobState.SUCCEEDED, "requester": "system", **fields}
    primary, *secondaries = cluster.nodes.order_by("name")
    moments = [newest - every * (number - 1 - count) for count in range(number)]
    snapshots = [Snapshot(cluster=cluster, node=primary, root=f"{n:064x}", files=1, bytes=1) for n in range(number)]
    snapshots = Snapshot.objects.bulk_create(snapshots)
    for snapshot, moment in zip(snapshots, moments, strict=True):
        snapshot.taken_at = moment
    Snapshot.objects.bulk_update(snapshots, ["taken_at"], batch_size=500)
    jobs = [Job(**base, snapshot=one, ended_at=at) for one, at in zip(snapshots, moments, strict=True)]
    jobs = Job.objects.bulk_create(jobs)
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(created_at=F("ended_at"))
    targets = Target.objects.bulk_create(
        Target(job=job, node=node, state="verified", ended_at=job.ended_at) for job in jobs for node in secondaries[:1]
    )
    JobEvent.objects.bulk_create(
        JobEvent(job_id=one.job_id, target=one, at=newest, code="x", text="y") for one in targets for _ in "ab"
    )
    return jobs


def there(*jobs: Job) -> bool:
    return Job.objects.filter(pk__in=[job.pk for job in jobs]).count() == len(jobs)


def test_a_change_a_minute_is_bounded(cluster, caplog) -> None:
    jobs = changes(cluster, 800, newest=timezone.now())

    with caplog.at_level(logging.INFO):
        run_retention()

    assert Job.objects.count() == MOST
    assert there(*jobs[-MOST:])
    assert Target.objects.count() == MOST
    assert JobEvent.objects.count() == 2 * MOST
    assert Snapshot.objects.count() == MOST
    said = AuditEvent.objects.get()
    assert (said.action, said.cluster_name, said.actor) == ("jobs.remove_old", "mail", "system")
    assert said.data == {"jobs": 600, "targets": 600, "events": 1200, "snapshots": 600}
    assert said.text in caplog.text

    run_retention()

    assert AuditEvent.objects.count() == 1, "nothing was left to do, and nothing is said"


def test_the_newest_stay_however_old_and_the_days_bound_the_rest(cluster) -> None:
    quiet = make_cluster("quiet")
    make_node(quiet, "mx0", role=NodeRole.PRIMARY)
    make_node(quiet, "mx1")
    years = changes(quiet, 100, newest=timezone.now() - 300 * DAY, every=10 * DAY)
    hourly = changes(cluster, 100, newest=timezone.now(), every=timedelta(hours=1))

    run_retention()

    assert set(Job.objects.filter(cluster=quiet)) == set(years[-LEAST:])
    assert set(Job.objects.filter(cluster=cluster)) == set(hourly[-LEAST:]), "a day is 24 of them, and 40 stay"


def test_what_is_needed_stays(cluster, console_for, api_for, administrator) -> None:
    long_ago = timezone.now() - 500 * DAY
    _, mx1, mx2 = cluster.nodes.order_by("name")

    def one(**fields: Any) -> Job:
        return changes(cluster, 1, newest=long_ago, **fields)[0]

    proving, first, given, edited = one(), one(), one(), one()
    open_ones = [one(state=state) for state in JobState if state not in JOB_TERMINAL]
    failing = one(requester="astrid", state="failed")
    deep = one(options={"deep": True})
    features = [one(kind="features", state="cancelled") for _ in range(2)]  # what is asked for next goes by all of them
    Baseline.objects.create(
        node=mx2, job=proving, snapshot=proving.snapshot, root="b" * 64, proven_at=long_ago, files=7
    )
    Origin.objects.create(node=mx2, job=first, root="c" * 64)
    # the last that the other secondary was given, long before it was paused
    Target.objects.create(job=given, node=mx2, state="failed", ended_at=long_ago)
    conflict = Conflict.objects.create(node=mx1, job=edited, path="App/x.dat", content="d" * 64)
    busy = changes(cluster, 500, newest=timezone.now())
    Baseline.objects.create(
        node=mx1, job=busy[-1], snapshot=busy[-1].snapshot, root="e" * 64, proven_at=timezone.now(), files=9
    )
    Watch.objects.create(cluster=cluster, last_job=busy[-1])
    before = served_by_watch(cluster), jobs_seen(cluster)
    assert before[0].reference == given.snapshot

    run_retention()

    assert Job.objects.count() == MOST + len(open_ones) + 7
    assert there(*open_ones, proving, first, failing, given, deep, *features, *busy[-MOST:])
    assert not there(edited)
    conflict.refresh_from_db()
    assert (conflict.job_id, conflict.content) == (None, "d" * 64)
    kept = {job.snapshot_id for job in Job.objects.all()}
    assert set(Snapshot.objects.values_list("pk", flat=True)) == kept
    assert (served_by_watch(cluster), jobs_seen(cluster)) == before
    assert Watch.objects.get().last_job_id == busy[-1].pk
    console, api = console_for(administrator), api_for(administrator)
    addresses = [
        "/",
        "/jobs/",
        f"/jobs/{given.pk}/",
        f"/nodes/{mx1.pk}/",
        f"/nodes/{mx2.pk}/",
        f"/nodes/{mx2.pk}/jobs/",
        f"/nodes/{mx2.pk}/join/",
        *(f"/clusters/{cluster.pk}/{page}" for page in ("", "configuration/", "jobs/")),
    ]
    assert {address: console.get(address).status_code for address in addresses} == dict.fromkeys(addresses, 200)
    assert api.get("/api/v1/jobs/").json()["results"][0]["id"] == busy[-1].pk
    assert api.get(f"/api/v1/jobs/{busy[0].pk}/").status_code == 404
    assert api.get(f"/api/v1/snapshots/?cluster={cluster.pk}").status_code == 200


def test_snapshots_that_no_job_names_go_with_their_time(cluster) -> None:
    primary = cluster.nodes.get(name="mx0")
    jobs = changes(cluster, LEAST + 1, newest=timezone.now(), every=DAY)
    orphans = [
        Snapshot.objects.create(cluster=cluster, node=node, root="f" * 64, files=1, bytes=1) for node in (primary, None)
    ]
    Snapshot.objects.filter(root="f" * 64).update(taken_at=timezone.now() - 400 * DAY)
    Snapshot.objects.filter(jobs=jobs[5]).update(parent=jobs[0].snapshot)

    run_retention()

    left = set(Snapshot.objects.values_list("pk", flat=True))
    assert left == {job.snapshot_id for job in jobs[1:]} | {one.pk for one in orphans}, "each is the newest of its node"
    assert Snapshot.objects.get(jobs=jobs[5]).parent is None


def test_a_turn_that_was_cut_short_goes_on_the_next_time(cluster, monkeypatch) -> None:
    changes(cluster, 400, newest=timezone.now())
    rests: list[float] = []

    def cut(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as cutting:
        cutting.setattr(old_rows, "_rest", cut)
        with pytest.raises(KeyboardInterrupt):
            run_retention()
    assert Job.objects.count() == 400 - 3 * 50
    assert AuditEvent.objects.get().data["jobs"] == 150

    run_retention()

    assert (Job.objects.count(), Snapshot.objects.count()) == (MOST, MOST)


def test_a_turn_is_bounded(cluster, monkeypatch) -> None:
    changes(cluster, 400, newest=timezone.now())
    monkeypatch.setattr(old_rows, "MOST", 60)

    left = []
    for _ in range(4):
        run_retention()
        left.append((Job.objects.count(), Snapshot.objects.count()))

    assert left == [(340, 340), (280, 280), (220, 220), (200, 200)]


@pytest.mark.django_db(transaction=True)
def test_whoever_writes_waits_for_one_batch_at_most(cluster, monkeypatch) -> None:
    changes(cluster, 400, newest=timezone.now())
    written: list[int] = []

    def write() -> None:
        with transaction.atomic():
            Cluster.objects.filter(pk=cluster.pk).update(description=f"{len(written)}")
        written.append(Job.objects.count())

    def others(seconds: float) -> None:
        other = Thread(write)
        other.start()
        other.done()

    monkeypatch.setattr(old_rows, "_rest", others)
    run_retention()

    assert written == [*range(350, MOST - 1, -50), *[MOST] * 4]


@pytest.mark.django_db(transaction=True)
def test_two_turns_at_once_have_one_effect(cluster) -> None:
    changes(cluster, 400, newest=timezone.now())

    both(old_rows.remove_old_rows)

    assert (Job.objects.count(), Snapshot.objects.count()) == (MOST, MOST)
    assert sum(event.data["jobs"] for event in AuditEvent.objects.all()) == 200
