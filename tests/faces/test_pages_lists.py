"""Lists: what they show, what they cost, how they filter."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from nodes.credentials.models import Credential
from nodes.enums import CredentialKind, Health, Joining, NodeRole
from nodes.facts.models import NodeFacts
from nodes.registry.models import Node
from nodes.registry.status import CHOICES, status_of
from nodes.secret import Secret
from replication.jobs.core.states import JobState
from replication.jobs.models import Job, Target
from tests.factories import make_cluster, make_node

pytestmark = pytest.mark.django_db


def _nodes(cluster, count: int) -> None:
    for number in range(count):
        node = make_node(cluster, f"mx{number}")
        NodeFacts.objects.create(node=node, read_at=timezone.now(), disk_total=10, disk_free=1)


def _credentials(cluster, count: int) -> None:
    for number in range(count):
        Credential.objects.create(
            cluster=cluster, name=f"c{number}", username="svc", kind=CredentialKind.PASSWORD, secret=Secret("hush-hush")
        )


def _jobs(cluster, count: int) -> None:
    for number in range(count):
        job = Job.objects.create(cluster=cluster, kind="replicate", requester="astrid", state=JobState.RUNNING)
        Target.objects.create(job=job, node=make_node(cluster, f"t{number}"), owner="worker-1")


def _clusters(cluster, count: int) -> None:
    for number in range(count):
        make_node(make_cluster(f"c{number}"))


@pytest.fixture
def browser(administrator, console_for):
    return console_for(administrator)


LISTS = [
    ("/clusters/", _clusters, 8),
    ("/nodes/", _nodes, 8),
    ("/credentials/", _credentials, 8),
    ("/jobs/", _jobs, 13),
    ("/jobs/board/", _jobs, 7),
    ("/", _clusters, 11),
]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("address", "make", "queries"), LISTS, ids=[address for address, *_ in LISTS])
def test_a_list_costs_the_same_for_one_row_and_for_three(
    address, make, queries, rows, cluster, browser, cost_of
) -> None:
    make(cluster, rows)
    assert cost_of(browser, address) == queries


def test_filters_are_in_the_address_and_answer_the_table_alone(cluster, administrator, console_for) -> None:
    make_node(cluster, "mx-good", health=Health.OK)
    make_node(cluster, "mx-bad", health=Health.DOWN)
    browser: Client = console_for(administrator)
    page = browser.get("/nodes/", {"state": "away"})
    assert b"mx-bad" in page.content
    assert b"mx-good" not in page.content
    assert b"<html" in page.content
    part = browser.get("/nodes/", {"q": "mx good"}, headers={"HX-Request": "true", "HX-Target": "list"})
    assert b"mx-good" in part.content
    assert b"mx-bad" not in part.content
    assert b"<html" not in part.content


def test_a_list_is_filtered_by_the_verdict_that_its_badges_show(cluster, administrator, console_for) -> None:
    known = {"compared_at": timezone.now(), "reached_at": timezone.now(), "health": Health.OK}
    made = {
        "mx-quarantined": {**known, "quarantined_reason": "another key"},
        "mx-away": {**known, "health": Health.DOWN, "edited": 1},
        "mx-degraded": {**known, "health": Health.DEGRADED, "behind": 1},
        "mx-edited": {**known, "edited": 1, "behind": 2},
        "mx-behind": {**known, "behind": 2, "paused": True},
        "mx-incomplete": {**known, "incomplete": "not handled: 'App/a.dat' (unreadable)."},
        "mx-in_sync": known,
        "mx-registered": {**known, "joining": Joining.REGISTERED},
    }
    for name, fields in made.items():
        make_node(cluster, name, **fields)
    make_node(cluster, "mx-primary", role=NodeRole.PRIMARY, **known)
    browser = console_for(administrator)
    for word, _ in CHOICES:
        page = browser.get("/nodes/", {"state": word}).content.decode()
        assert [name for name in made if name in page] == [f"mx-{word}"]
        assert status_of(Node.objects.select_related("cluster").get(name=f"mx-{word}")).word == word
    assert b"mx-behind" in browser.get("/nodes/", {"state": "paused"}).content


@pytest.mark.parametrize("query", ["state=nonsense", "cluster=x", "page=x", "sort=password", "cluster=999999"])
def test_a_filter_out_of_the_blue_breaks_nothing(query, cluster, administrator, console_for) -> None:
    make_node(cluster, "mx1")
    assert console_for(administrator).get(f"/nodes/?{query}").status_code in (200, 404)


def test_lists_hold_only_what_the_user_may_see(cluster, viewer, console_for) -> None:
    make_node(cluster, "mine")
    make_node(make_cluster("hidden"), "not-mine")
    browser = console_for(viewer)
    for address in ("/", "/nodes/", "/clusters/"):
        assert b"not-mine" not in browser.get(address).content
        assert b"hidden</" not in browser.get(address).content
