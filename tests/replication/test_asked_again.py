"""A node that broke a limit is left alone for a while; once mended, it is looked at as soon as a person asks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from nodes.enums import NodeRole
from nodes.errors import LimitBroken
from nodes.facts import tasks as facts
from nodes.registry.services.health import note_failure
from replication import tasks
from replication.configuration.models import Baseline
from replication.drift import look
from replication.jobs.driving import drive
from replication.jobs.models import Job, Target
from replication.watch.models import Watch
from replication.watch.services import claim_looks
from tests.factories import make_cluster, make_member, make_node

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _facts(monkeypatch) -> None:
    """Whoever asks has the facts read, too; that is not looked at here."""
    monkeypatch.setattr(facts.observe, "apply_async", lambda **_: None)


def mend(toys, job: Job) -> None:
    options = {name: value for name, value in job.options.items() if name != "plan_error"}
    Job.objects.filter(pk=job.pk).update(options={**options, "fail": {}})


@pytest.mark.parametrize("ask", ["one node", "all nodes"])
def test_a_target_that_waits_is_tried_at_once(toys, messages, ask):
    job = toys.planned(fail={"b": "limit", "c": "limit"})
    drive()
    assert toys.states(job) == {"a": "verified", "b": "waiting", "c": "waiting"}
    mend(toys, job)
    drive()
    assert toys.now(job).state == "converging", "not before it is due"
    messages.clear()
    if ask == "all nodes":
        facts.ask_for_facts(toys.cluster.pk)
    else:
        facts.ask_to_observe(toys.cluster.nodes.get(name="b").pk)
    assert messages == [("replication.tasks.drive", ())]
    drive()
    assert toys.states(job) == {"a": "verified", "b": "verified", "c": "verified" if ask == "all nodes" else "waiting"}


def test_planning_that_waits_is_tried_at_once(toys, messages):
    job = toys.planned(plan_error="limit")
    assert (job.state, job.error_code) == ("requested", "limit_broken")
    mend(toys, job)
    messages.clear()
    facts.ask_for_facts(toys.cluster.pk)
    assert messages == [("replication.tasks.plan", (job.pk,))]
    tasks.plan(job.pk)
    assert toys.now(job).state == "succeeded"


def test_a_new_job_does_not_wait_for_what_an_older_one_waits_for(toys):
    planned, driven = toys.planned(plan_error="limit"), toys.planned(fail={"b": "limit"})
    drive()
    newer = toys.planned()
    drive()
    assert (toys.now(newer).state, toys.now(driven).state) == ("succeeded", "cancelled")
    assert toys.now(planned).state == "requested", "what it was asked for it still does"


def test_who_asks_wakes_nobody_where_nothing_waits(toys, messages):
    toys.planned()
    drive()
    messages.clear()
    facts.ask_for_facts(toys.cluster.pk)
    assert messages == []
    assert not Target.objects.exclude(not_before=None).exists()


def test_a_primary_is_looked_at_by_the_watch(messages):
    cluster = make_cluster("mail")
    primary, secondary = make_node(cluster, role=NodeRole.PRIMARY), make_node(cluster)
    failing = Watch.objects.create(cluster=cluster, failures=3, due_at=timezone.now() + timedelta(hours=1))
    facts.ask_to_observe(secondary.pk)
    assert claim_looks("one", limit=1) == []
    facts.ask_to_observe(primary.pk)
    assert messages == [("replication.tasks.watch", ())]
    assert [found.claim.pk for found in claim_looks("one", limit=1)] == [failing.pk]
    facts.ask_to_observe(primary.pk)
    assert Watch.objects.get().signals == failing.signals + 1, "whoever holds it looks once more"


def test_a_secondary_is_compared(messages, monkeypatch):
    cluster = make_cluster("mail")
    Watch.objects.create(cluster=cluster)
    nodes = [make_node(cluster, name) for name in ("broken", "slow")]
    for node in nodes:
        Baseline.objects.create(node=node, root="1" * 64, proven_at=timezone.now())
        look.RESTS.begin(node.pk, 1000.0)
    note_failure(nodes[0], LimitBroken("It lists without an end."))
    looks = list[str]()
    monkeypatch.setattr(look, "_count", lambda job: looks.append(job.node.name))
    tasks.compare()
    assert looks == []
    facts.ask_for_facts(cluster.pk)
    assert messages == [("replication.tasks.compare", (nodes[0].pk,))]
    tasks.compare(nodes[0].pk)
    assert looks == ["broken"], "the other has its rest"


def test_replicate_now_has_a_failing_primary_looked_at(messages, client):
    cluster = make_cluster("mail", replication_mode="portal")
    primary = make_node(cluster, role=NodeRole.PRIMARY)
    primary.attestations.create(subject="cluster_service", value="off", by="test", at=timezone.now())
    later = timezone.now() + timedelta(hours=1)
    Watch.objects.create(cluster=cluster, failures=3, due_at=later)
    client.force_login(make_member(cluster, Role.OPERATOR, "keeper"))
    client.post(reverse("replication:replicate-now", args=[cluster.pk]), {"key": "k"})
    assert [name for name, _ in messages] == ["replication.tasks.plan", "replication.tasks.watch"]
    assert Watch.objects.get().due_at < later
