"""Who has every file hashed anew, how often, and that not all begin together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from clusterportal.env import Env, portal_from
from nodes.checks.models import Attestation
from nodes.clusters.models import Cluster
from nodes.enums import Clustering, Health, NodeRole, ReplicationMode
from replication.configuration.models import Baseline, Snapshot
from replication.jobs.core.states import JOB_ACTIVE, JobState
from replication.jobs.models import Job, Target
from replication.watch import verifying
from replication.watch.models import Watch
from replication.watch.selectors.deep import clusters_to_verify, last_deep
from tests.factories import make_cluster, make_node

pytestmark = pytest.mark.django_db

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BEGIN = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Clock:
    """The portal's clock, set by hand; time passes turn by turn."""

    def __init__(self) -> None:
        self.moment = BEGIN

    def __call__(self) -> datetime:
        return self.moment

    def turn(self) -> list[Job]:
        """What is requested now; a turn's time goes by, and what was requested ends well."""
        made = [Job.objects.get(pk=pk) for pk in verifying.request_due(self.moment)]
        self.moment += verifying.TURN
        Job.objects.filter(state=JobState.REQUESTED).update(state=JobState.SUCCEEDED, ended_at=self.moment)
        return made

    def until(self, moment: datetime) -> list[Job]:
        return [job for _ in iter(lambda: self.moment < moment, False) for job in self.turn()]


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def every(settings) -> Callable[[float], None]:
    """To set how many hours lie between two."""

    def set_to(hours: float) -> None:
        settings.PORTAL = replace(settings.PORTAL, deep=hours)

    set_to(24)
    return set_to


def watched(**fields) -> Cluster:
    """A cluster of a primary and a secondary that was proven as the clock began."""
    cluster = make_cluster(clustering_since=BEGIN, **fields)
    Watch.objects.create(cluster=cluster)
    primary, node = make_node(cluster, role=NodeRole.PRIMARY), make_node(cluster)
    for row in (primary, node):
        row.attestations.create(subject="cluster_service", value="off", by="test", at=BEGIN)
    snapshot = Snapshot.objects.create(cluster=cluster, node=primary, root="0" * 64, files=1, bytes=1)
    Baseline.objects.create(node=node, snapshot=snapshot, root="0" * 64, proven_at=BEGIN)
    job = Job.objects.create(cluster=cluster, kind="replicate", state=JobState.SUCCEEDED, snapshot=snapshot)
    Target.objects.create(job=job, node=node, state="verified")
    return cluster


def test_once_in_so_many_hours_beginning_with_the_clusters_own_time(clock, every) -> None:
    cluster = watched()

    assert clock.until(BEGIN + DAY) == []
    [first] = clock.until(BEGIN + DAY + HOUR)
    assert (first.requester, first.reason, first.dry_run) == ("system", "deep verify, every 24 h", False)
    assert first.options == {"deep": True, "unstable": []}
    assert first.node_ids == [cluster.nodes.get(role=NodeRole.SECONDARY).pk]
    assert clock.until(first.created_at + DAY) == []
    [second] = clock.until(first.created_at + DAY + HOUR)
    every(6)
    [third] = clock.until(second.created_at + 7 * HOUR)
    assert third.created_at - second.created_at == 6 * HOUR
    assert (third.reason, last_deep(cluster)) == ("deep verify, every 6 h", third)


def test_none_by_itself_where_that_is_switched_off(clock, every) -> None:
    watched()
    every(0)
    assert clock.until(BEGIN + 3 * HOUR) == []
    clock.moment = BEGIN + 30 * DAY
    assert clock.turn() == []


def test_not_all_begin_together_and_each_has_its_turn(clock, every) -> None:
    clusters = {watched().pk for _ in range(5)}
    every(verifying.TURN * 3 / HOUR)
    clock.moment = BEGIN + 30 * DAY

    rounds = [{job.cluster_id for job in clock.turn()} for _ in range(6)]

    assert [len(one) for one in rounds] == [2, 2, 1, 2, 2, 1]
    assert set.union(*rounds[:3]) == set.union(*rounds[3:]) == clusters
    assert rounds[:3] == rounds[3:]


def test_who_waits_longest_is_first(clock, every) -> None:
    late, later, latest = (watched() for _ in range(3))
    Cluster.objects.filter(pk=later.pk).update(clustering_since=BEGIN - HOUR)
    Cluster.objects.filter(pk=latest.pk).update(clustering_since=BEGIN - 2 * HOUR)
    clock.moment = BEGIN + DAY
    assert [clock.turn()[0].cluster for _ in range(3)] == [latest, later, late]


NOT_DUE: dict[str, Callable[[Cluster], object]] = {
    "not watched": lambda one: Watch.objects.filter(cluster=one).update(enabled=False),
    "paused": lambda one: Cluster.objects.filter(pk=one.pk).update(paused=True),
    "native": lambda one: Cluster.objects.filter(pk=one.pk).update(replication_mode=ReplicationMode.NATIVE),
    "disabled": lambda one: Cluster.objects.filter(pk=one.pk).update(clustering=Clustering.OFF),
    "enabled lately": lambda one: Cluster.objects.filter(pk=one.pk).update(clustering_since=BEGIN + 9 * DAY),
    "primary quarantined": lambda one: one.nodes.filter(role="primary").update(quarantined_reason="another key"),
    "primary away": lambda one: one.nodes.filter(role="primary").update(health=Health.DOWN),
    "no primary": lambda one: one.nodes.filter(role="primary").delete(),
    "nobody served": lambda one: one.nodes.filter(role="secondary").update(quarantined_reason="another key"),
    "nothing proven": lambda one: Baseline.objects.filter(node__cluster=one).delete(),
    "the servers' own service is on": lambda one: Attestation.objects.filter(node__cluster=one).update(value="on"),
}


@pytest.mark.parametrize("why", NOT_DUE)
def test_who_is_left_alone_holds_up_nobody(clock, every, why) -> None:
    left_alone, other = watched(), watched()
    Cluster.objects.filter(pk=other.pk).update(clustering_since=BEGIN + HOUR)
    NOT_DUE[why](left_alone)
    clock.moment = BEGIN + 9 * DAY
    assert [job.cluster for _ in range(3) for job in clock.turn()] == [other]


@pytest.mark.parametrize("state", sorted(JOB_ACTIVE))
def test_it_waits_for_what_is_at_work_but_not_for_nodes_that_are_away(clock, every, state) -> None:
    cluster = watched()
    Job.objects.create(cluster=cluster, kind="replicate", state=state)
    waits = state != JobState.CONVERGING
    assert bool(verifying.request_due(BEGIN + 2 * DAY)) is not waits


@pytest.mark.parametrize(
    ("asked", "counts"),
    [
        ({"options": {"deep": True}}, True),
        ({"options": {"deep": True}, "state": "failed"}, True),
        ({"options": {"deep": True}, "dry_run": True}, False),
        ({"options": {"deep": True}, "node_ids": [7]}, False),
        ({"options": {"deep": False}}, False),
        ({"options": {}}, False),
    ],
)
def test_what_a_person_asked_for_of_all_nodes_counts(clock, every, asked, counts) -> None:
    cluster = watched()
    clock.moment = BEGIN + 2 * DAY
    Job.objects.create(
        **{"cluster": cluster, "kind": "replicate", "requester": "astrid", "state": JobState.SUCCEEDED} | asked
    )
    assert clock.turn() == [] if counts else len(clock.turn()) == 1


def test_two_who_ask_at_the_same_moment_make_one_job(clock, every) -> None:
    watched()
    [first], [second] = (list(clusters_to_verify(BEGIN)) for _ in range(2))
    assert verifying._request(first) == verifying._request(second)
    assert Job.objects.filter(options__deep=True).count() == 1


@pytest.mark.parametrize("count", [1, 3])
def test_a_turn_that_finds_nothing_asks_twice_and_writes_nothing(
    clock, every, count, django_assert_num_queries
) -> None:
    for _ in range(count):
        watched()
    with django_assert_num_queries(2) as asked:
        verifying.request_due(BEGIN)
    assert all(query["sql"].startswith("SELECT") for query in asked)


@pytest.mark.parametrize(
    ("name", "value", "is_right"), [("DEEP", "0", True), ("DEEP", "-1", False), ("REACH", "0", False)]
)
def test_none_at_all_is_a_setting_of_its_own(monkeypatch, name, value, is_right) -> None:
    monkeypatch.setenv(f"CLUSTERPORTAL_{name}", value)
    if is_right:
        assert portal_from(Env()).deep == 0
    else:
        with pytest.raises(ImproperlyConfigured, match=f"CLUSTERPORTAL_{name} must be a positive number"):
            portal_from(Env())


def test_the_page_shows_the_last_one(clock, every, console_for, administrator) -> None:
    cluster = watched()

    def panel() -> str:
        page = console_for(administrator).get(f"/clusters/{cluster.pk}/configuration/").content.decode()
        return " ".join(page.partition('id="deep-verify"')[2].partition("</section>")[0].split())

    assert "none yet" in panel()
    assert "The portal does so every 24 h" in panel()
    assert f'href="/clusters/{cluster.pk}/jobs/new/?kind=replicate&amp;deep=1"' in panel()
    clock.moment = BEGIN + DAY
    [job] = clock.turn()
    Job.objects.filter(pk=job.pk).update(plan_summary={"hashed": {"files": 9, "servers": 2, "hidden": 0, "first": []}})
    shown = panel()
    for words in (
        f">#{job.pk}</a>",
        "Succeeded",
        "ended 2026-11-02 12:05",
        "asked for by system",
        "9 files hashed anew",
    ):
        assert words in shown
    every(0)
    assert "only when asked" in panel()
