"""The one verdict on every page and resource that names a node."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from nodes.credentials.models import Credential
from nodes.enums import Health, HostKeyState, NodeRole
from nodes.registry.models import Node
from nodes.registry.status import status_of
from nodes.secret import Secret
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.models import Job, Target
from replication.watch.core.decision import WatchStatus
from replication.watch.models import Watch
from tests.factories import make_node

pytestmark = pytest.mark.django_db

NAMES = ("mx-away", "mx-behind", "mx-edited")
CLUSTER = "/clusters/{cluster}/"
PAGES = [
    "/nodes/",
    CLUSTER,
    f"{CLUSTER}servers/",
    f"{CLUSTER}configuration/",
    f"{CLUSTER}watch/",
    f"{CLUSTER}checks/",
    "/jobs/{job}/",
]
RESOURCES = ["nodes/", "clusters/{cluster}/servers", "clusters/{cluster}/watch"]


@pytest.fixture
def at(cluster) -> dict[str, int]:
    """A watched cluster whose secondaries stand badly, each in its own way, and a job that all are part of."""
    now = timezone.now()
    known = {"health": Health.OK, "compared_at": now, "reached_at": now}
    since = now - timedelta(days=3)
    make_node(cluster, "mx-primary", role=NodeRole.PRIMARY, **known)
    make_node(cluster, "mx-away", **{**known, "health": Health.DOWN, "health_since": since})
    make_node(cluster, "mx-behind", behind=3, behind_since=since, **known)
    make_node(cluster, "mx-edited", edited=2, edited_since=since, paused=True, **known)
    Watch.objects.create(cluster=cluster, mood=WatchStatus.QUIET, looked_at=now, took=0.1)
    job = Job.objects.create(cluster=cluster, kind="replicate", requester="system", state=JobState.RUNNING)
    for node in cluster.nodes.exclude(role=NodeRole.PRIMARY):
        Target.objects.create(job=job, node=node, state=TargetState.PENDING)
    return {"cluster": cluster.pk, "job": job.pk}


def _texts() -> list[str]:
    return [status_of(Node.objects.select_related("cluster").get(name=name)).text for name in NAMES]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_the_same(page, at, administrator, console_for) -> None:
    shown = console_for(administrator).get(page.format(**at)).content.decode()
    assert [text for text in _texts() if text not in shown] == []


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_resource_says_the_same(resource, at, administrator, api_for) -> None:
    shown = api_for(administrator).get(f"/api/v1/{resource.format(**at)}").content.decode()
    assert [text for text in _texts() if text not in shown] == []


@pytest.mark.parametrize("page", ["/", "/clusters/", CLUSTER, "/api/v1/clusters/{cluster}/"])
def test_the_cluster_stands_as_its_worst_node(page, at, administrator, console_for) -> None:
    assert "1 away" in console_for(administrator).get(page.format(**at)).content.decode()


@pytest.mark.parametrize("page", ["/", CLUSTER])
def test_the_drawing_says_it_too(page, at, administrator, console_for) -> None:
    shown = console_for(administrator).get(page.format(**at)).content.decode()
    assert all(f"{name}: {text}" in shown for name, text in zip(NAMES, _texts(), strict=True))
    assert "Edited · paused" in shown


def test_the_watch_claims_nothing_that_is_not_proven(at, administrator, console_for) -> None:
    shown = console_for(administrator).get(f"/clusters/{at['cluster']}/watch/").content.decode()
    assert "Nothing more on the primary has changed. Not in sync: mx-away (away since " in shown
    assert "all secondaries are in sync" not in shown
    Node.objects.update(health=Health.OK, behind=0, edited=0)
    shown = console_for(administrator).get(f"/clusters/{at['cluster']}/watch/").content.decode()
    assert "Nothing on the primary has changed, and all secondaries are in sync." in shown


@pytest.mark.parametrize("targets", [1, 3])
def test_a_job_says_it_of_any_number_of_nodes_at_one_price(targets, at, administrator, console_for, cost_of) -> None:
    Target.objects.filter(pk__in=list(Target.objects.values_list("pk", flat=True)[targets:])).delete()
    assert cost_of(console_for(administrator), f"/jobs/{at['job']}/") == 11


def test_a_node_that_was_never_read_asks_for_what_is_missing_only(cluster, administrator, console_for) -> None:
    node = make_node(cluster, "mx-new", health=Health.DOWN, health_cause="It fell silent.")
    page = f"/nodes/{node.pk}/"
    assert "Approve the host key and choose a credential" in console_for(administrator).get(page).content.decode()
    node.host_keys.create(fingerprint="SHA256:seen", state=HostKeyState.APPROVED)
    node.credential = Credential.objects.create(cluster=cluster, name="portal", username="x", secret=Secret("secret"))
    node.save()
    shown = console_for(administrator).get(page).content.decode()
    assert "Nothing was read yet." in shown
    assert "It fell silent." in shown
    assert "Approve the host key and choose" not in shown
