"""What one more node costs a job in queries and in transactions: next to nothing, where nothing changed there."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from nodes.clusters.models import Cluster
from nodes.connection import connect
from nodes.credentials.models import Credential
from nodes.enums import HostKeyState, NodeRole
from nodes.facts.models import NodeFacts
from nodes.platforms.base import Capabilities
from nodes.products.loading import load_profile
from nodes.registry.models import Node
from nodes.remote.pool import POOL
from nodes.secret import Secret
from replication.configuration.job import planning, runner
from replication.jobs import driving
from replication.jobs.kinds import kind_named
from replication.jobs.lease import ClaimedLease, Keeper
from replication.jobs.models import Job, JobEvent, Target
from replication.jobs.planning import plan_job
from replication.jobs.runner import Batch, TargetOutcome
from replication.jobs.services.claims import claim_targets, drivable_jobs
from replication.jobs.services.outcomes import finish_targets
from tests.deadlines import PATIENCE
from tests.factories import make_cluster, make_node
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.replication.files.rounds import ROOT

PROFILE = replace(load_profile("mdaemon"), settle_seconds=0.0, semaphore_wait_seconds=0.0, stable_seconds=0.0)

pytestmark = pytest.mark.django_db(transaction=True)

STORE = ("replication_storedcontent", "replication_contentpart")
"""Tables of the object store, which have tests of their own: what is asked of them follows the files."""


class Meter:
    """Counts what all threads of this process ask of the database, but for the store."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._lock, self.counts = threading.Lock(), Counter[str]()
        execute, commit = getattr(CursorWrapper, "_execute_with_wrappers"), getattr(BaseDatabaseWrapper, "_commit")  # noqa: B009

        def counted(cursor, sql, params, many, executor):
            if not any(table in sql for table in STORE) and not sql.startswith("BEGIN"):
                self._count("savepoints" if "SAVEPOINT" in sql else "queries")
            return execute(cursor, sql, params, many, executor)

        def committed(wrapper):
            self._count("commits")
            return commit(wrapper)

        monkeypatch.setattr(CursorWrapper, "_execute_with_wrappers", counted)
        monkeypatch.setattr(BaseDatabaseWrapper, "_commit", committed)

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def during(self, work: Callable[[], object]) -> Counter[str]:
        self.counts.clear()
        work()
        return Counter(self.counts)


@pytest.fixture
def disks(monkeypatch) -> dict[int, FakeDisk]:
    """What the nodes hold, by port; their rows are real, and so is what opens them."""
    disks: dict[int, FakeDisk] = {}

    @contextmanager
    def lease(target, _waits=None) -> Iterator[FakeSession]:
        yield FakeSession(disks[target.port])

    monkeypatch.setattr(POOL, "lease", lease)
    monkeypatch.setattr(connect.PROBES, "ask", lambda session, platform, *_: (platform, Capabilities()))
    return disks


def make_servers(disks: dict[int, FakeDisk], secondaries: int) -> Cluster:
    cluster = make_cluster(approval="never", profile="mdaemon")
    login = Credential.objects.create(cluster=cluster, name="portal", username="x", kind="key", secret=Secret("secret"))
    for number in range(secondaries + 1):
        role = NodeRole.SECONDARY if number else NodeRole.PRIMARY
        port = 10_000 + len(disks)
        node = make_node(cluster, role=role, port=port, install_root=ROOT, credential=login)
        make_known(node)
        disks[port] = FakeDisk(now_ns=lambda: 10**18)
        disks[port].put(f"{ROOT}/App/MDaemon.grp", b"the same everywhere")
        if not number:
            disks[port].put(f"{ROOT}/App/one.grp", b"new")
    return cluster


def make_known(node: Node) -> None:
    now = timezone.now()
    node.host_keys.create(fingerprint="SHA256:x", state=HostKeyState.APPROVED)
    node.attestations.create(subject="cluster_service", value="off", by="somebody", at=now)
    NodeFacts.objects.create(node=node, read_at=now, measured_at=now)
    Node.objects.filter(pk=node.pk).update(health="ok")


def driven(job_id: int) -> None:
    """What a drive does, its threads one after the other and all ends written at once: so often as that can be."""
    kind, job = kind_named("replicate"), drivable_jobs()[0]
    assert job.pk == job_id
    claims = claim_targets(job, 8, owner="w", resources=kind.resources(job))
    batch = Batch(job, [target.node for _, target in claims])
    finishes = []
    for claim, target in claims:
        target.job, lease = job, ClaimedLease(claim, node_id=target.node_id)
        work: Future[TargetOutcome] = Future()
        work.set_result(driving._work(kind, job, target, lease, batch))
        finishes.append(driving._finish(work, driving._Running(job, target, lease)))
    assert not any(finish_targets([finish for finish in finishes if finish is not None]))


def replicated(cluster: Cluster, meter: Meter) -> tuple[Counter[str], Counter[str]]:
    job = Job.objects.create(cluster=cluster, kind="replicate")
    planning = meter.during(lambda: plan_job(job.pk))
    driving_ = meter.during(lambda: driven(job.pk))
    job.refresh_from_db()
    assert (job.state, job.error) == ("succeeded", "")
    return planning, driving_


@pytest.fixture
def nothing_changed(disks, monkeypatch) -> Callable[[int], tuple[Counter[str], Counter[str]]]:
    """What a job asks of the database that finds nothing to do on so many nodes: planned, and driven. Without what it
    asks by the clock, which follows how busy this machine is."""
    meter = Meter(monkeypatch)
    monkeypatch.setattr(Keeper, "tick", lambda _: None)
    monkeypatch.setattr(planning, "RECENT_SECONDS", PATIENCE)
    monkeypatch.setattr(runner, "profile_of", lambda _: PROFILE)

    def cost(nodes: int) -> tuple[Counter[str], Counter[str]]:
        cluster = make_servers(disks, nodes)
        replicated(cluster, meter)
        return replicated(cluster, meter)

    return cost


def test_planning_asks_no_more_for_more_nodes(nothing_changed) -> None:
    (two, _), (four, _) = nothing_changed(2), nothing_changed(4)
    assert (four["queries"] - two["queries"], four["commits"] - two["commits"]) == (0, 0), (two, four)


def test_driving_asks_one_statement_more_for_one_node_more(nothing_changed) -> None:
    """The UPDATE of its target, which has its own evidence."""
    (_, two), (_, four) = nothing_changed(2), nothing_changed(4)
    assert (four["queries"] - two["queries"], four["commits"] - two["commits"]) == (2, 0), (two, four)


def test_a_job_writes_two_lines_and_one_target_a_node(nothing_changed) -> None:
    nothing_changed(3)
    newest = Job.objects.latest("pk")
    assert JobEvent.objects.filter(job=newest).count() == 3 + 2 * 3
    assert Target.objects.filter(job=newest).count() == 3
