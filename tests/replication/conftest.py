"""A cluster of toy nodes, a fast engine, and messages that go into a list instead of a broker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as real

from accounts.principals import SYSTEM
from nodes.clusters.models import Cluster
from replication.jobs import driving, wake
from replication.jobs.models import Job, ResourceLock
from replication.jobs.planning import plan_job
from replication.jobs.services.requests import JobRequest, request_job
from tests.factories import make_cluster, make_node
from tests.replication import toy

NUMBERS = replace(real.PORTAL, lease=20.0, renew=0.4, operation=1.0, sweep=1.0, target_workers=4)


@pytest.fixture(autouse=True)
def _engine(settings, monkeypatch) -> None:
    toy.install()
    settings.PORTAL = NUMBERS
    monkeypatch.setattr(driving, "knock_at", lambda node: None)  # toys answer, or not, by themselves


@pytest.fixture(autouse=True)
def messages(monkeypatch) -> list[tuple[str, tuple[int, ...]]]:
    """What would have been sent to workers."""
    sent: list[tuple[str, tuple[int, ...]]] = []
    monkeypatch.setattr(wake, "_send", lambda name, *args: sent.append((name, args)))
    return sent


@pytest.fixture
def mail(transactional_db) -> Cluster:
    """A cluster with three nodes: a, b, c."""
    cluster = make_cluster("toys")
    for name in "abc":
        make_node(cluster, name)
    return cluster


class Toys:
    """Requests toy jobs and reads what became of them."""

    def __init__(self, cluster: Cluster, journal: Path) -> None:
        self.cluster = cluster
        self.journal = journal

    def request(self, *, names: str = "", dry_run: bool = False, **options) -> Job:
        ids = tuple(self.cluster.nodes.filter(name__in=list(names)).values_list("pk", flat=True))
        request = JobRequest(
            cluster_id=self.cluster.pk,
            kind="toy",
            node_ids=ids,
            dry_run=dry_run,
            options={"journal": str(self.journal), **options},
        )
        return request_job(SYSTEM, request)[0]

    def planned(self, **options) -> Job:
        return self.plan(self.request(**options))

    def plan(self, job: Job) -> Job:
        assert plan_job(job.pk)
        return self.now(job)

    def now(self, job: Job) -> Job:
        return Job.objects.get(pk=job.pk)

    def states(self, job: Job) -> dict[str, str]:
        return dict(job.targets.order_by("node__name").values_list("node__name", "state"))

    def log(self, job: Job) -> list[str]:
        return list(job.events.values_list("code", flat=True))

    def done(self) -> list[toy.Written]:
        return toy.read(self.journal)

    def locks(self) -> int:
        return ResourceLock.objects.count()


@pytest.fixture
def toys(mail: Cluster, tmp_path: Path) -> Toys:
    return Toys(mail, tmp_path / "journal")
