"""The audit log: who may read what, filters, cost."""

from __future__ import annotations

import pytest

from accounts.audit import Subject, record
from accounts.models import AuditEvent
from accounts.principals import SYSTEM, Principal
from tests.factories import make_cluster

EVENTS = "/api/v1/events/"


def texts(answer) -> set[str]:
    assert answer.status_code == 200, answer.content
    return {event["text"] for event in answer.json()["results"]}


@pytest.fixture
def log(cluster, stranger):
    other = make_cluster("other")
    record(SYSTEM, "node.register", "Here.", cluster=cluster, subject=Subject.of(cluster))
    record(SYSTEM, "node.remove", "Elsewhere.", cluster=other)
    record(SYSTEM, "portal.start", "Everywhere.")
    record(Principal(user=stranger, via="console"), "login.success", "Own.")


def test_each_reads_what_they_may(log, cluster, administrator, viewer, stranger, api_for, console_for):
    assert texts(api_for(administrator).get(EVENTS)) == {"Here.", "Elsewhere.", "Everywhere.", "Own."}
    assert texts(api_for(viewer).get(EVENTS)) == {"Here."}
    assert texts(api_for(stranger).get(EVENTS)) == set()
    assert texts(api_for(administrator, cluster_ids=[cluster.pk]).get(EVENTS)) == {"Here."}
    page = console_for(viewer).get("/audit/").content.decode()
    assert "Here." in page and "Elsewhere." not in page
    own = console_for(stranger).get("/audit/").content.decode()
    assert "Own." in own and "Here." not in own


def test_one_event_of_another_cluster_is_not_found(log, viewer, api_for):
    hidden = AuditEvent.objects.get(text="Elsewhere.")
    assert api_for(viewer).get(f"{EVENTS}{hidden.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("action=node.", {"Here.", "Elsewhere."}),
        ("actor=STRANGER", {"Own."}),
        ("object_kind=cluster", {"Here."}),
        ("q=every where", {"Everywhere."}),
        ("since=2000-01-01T00:00:00Z&q=own", {"Own."}),
        ("until=2000-01-01T00:00:00Z", set()),
        ("limit=1", {"Own."}),
        ("limit=1&page=4", {"Here."}),
    ],
)
def test_filters_and_pages(log, administrator, api_for, query, found):
    assert texts(api_for(administrator).get(f"{EVENTS}?{query}")) == found


def test_filter_by_cluster(log, cluster, administrator, api_for):
    assert texts(api_for(administrator).get(f"{EVENTS}?cluster_id={cluster.pk}")) == {"Here."}


@pytest.mark.parametrize(("query", "field"), [("since=yesterday", "since"), ("cluster_id=x", "cluster_id")])
def test_bad_filters_name_the_field(log, administrator, api_for, query, field):
    refused = api_for(administrator).get(f"{EVENTS}?{query}")
    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == [field]


def test_nobody_writes_through_the_api(log, administrator, api_for):
    api = api_for(administrator)
    one = f"{EVENTS}{AuditEvent.objects.latest('id').pk}/"
    for method in (api.post, api.put, api.patch, api.delete):
        refused = method(one, {})
        assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")


def test_a_page_is_capped(log, administrator, api_for):
    for number in range(210):
        record(SYSTEM, "test.done", f"{number}")
    answer = api_for(administrator).get(f"{EVENTS}?limit=100000").json()
    assert len(answer["results"]) == 200 and answer["count"] == 214
    assert api_for(administrator).get(f"{EVENTS}?page=9999").json()["code"] == "not_found"


@pytest.mark.parametrize("address", [EVENTS, "/audit/"])
def test_reading_costs_the_same_for_one_and_three(administrator, cluster, api_for, console_for, cost_of, address):
    face = api_for(administrator) if address == EVENTS else console_for(administrator)
    record(SYSTEM, "test.done", "1", cluster=cluster)
    one = cost_of(face, address)
    record(SYSTEM, "test.done", "2", cluster=cluster)
    record(SYSTEM, "test.done", "3", cluster=cluster)
    assert cost_of(face, address) == one <= 10


def test_the_page_filters_live(log, administrator, console_for):
    part = console_for(administrator).get("/audit/?action=node", headers={"HX-Target": "list"}).content.decode()
    assert "Here." in part and "Everywhere." not in part and "<html" not in part
