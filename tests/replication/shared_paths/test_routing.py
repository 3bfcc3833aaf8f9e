"""Multi-node mail routing is switched on where every server has it, and told as the servers do it; what waits in their
queues is shown with numbers and ages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Role
from nodes.enums import Health, NodeRole
from nodes.facts.models import NodeFacts
from nodes.products.version import is_at_least
from nodes.queues import tasks
from nodes.queues.core.tally import QueueSum, Tally
from nodes.queues.selectors.gate import reasons_against
from nodes.queues.services.readings import Read, keep_failure, keep_reading
from nodes.registry.models import Node
from nodes.shares.models import SharedPaths
from replication.shared_paths.selectors.routing import routing_of
from tests.factories import make_cluster, make_member, make_node

pytestmark = pytest.mark.django_db

QUEUES = r"\\files\mail\Queues"


@pytest.fixture
def cluster():
    made = make_cluster("harbour")
    for name, role in (("mx0", NodeRole.PRIMARY), ("mx1", NodeRole.SECONDARY)):
        node = make_node(made, name, role=role)
        NodeFacts.objects.create(node=node, read_at=timezone.now(), product_version="26.0.3")
    return made


@pytest.fixture(autouse=True)
def woken(monkeypatch) -> list[int]:
    asked: list[int] = []
    monkeypatch.setattr(tasks, "_wake", asked.append)
    return asked


def browser(cluster, role: Role = Role.ADMINISTRATOR) -> Client:
    client = Client()
    client.force_login(make_member(cluster, role))
    return client


def page(client: Client, cluster, part: str = "routing") -> str:
    return " ".join(client.get(f"/clusters/{cluster.pk}/{part}/").content.decode().split())


def hold(node: Node, messages: int, *, shared: bool = False, left: int = 0, age: int = 3600) -> None:
    oldest = int((timezone.now() - timedelta(seconds=age)).timestamp()) * 10**9
    tally = Tally((QueueSum("Remote", messages, 2048 * messages, oldest if messages else None),))
    before = Tally((QueueSum("Local", left, 10 * left, oldest),)) if left else None
    place = "/mnt/mail/Queues" if shared else "/opt/mail/Queues"
    keep_reading(node.pk, Read(place, shared, tally, "/opt/mail/Queues" if left else "", before))


@pytest.mark.parametrize(
    ("version", "enough"),
    [("21.0", True), ("21.0.0", True), ("26.0.2b", True), ("20.5.4", False), ("9.6", False), ("", None), ("v", None)],
)
def test_versions_are_compared_by_their_numbers(version, enough):
    assert is_at_least(version, "21.0") is enough


def test_the_gate_names_every_server_that_stands_against_it():
    reasons = reasons_against([("a", "20.5"), ("b", "21.0"), ("c", "")], "21.0")
    assert [(reason.code, reason.text) for reason in reasons] == [
        ("version_too_old", "a has version 20.5; multi-node mail routing came with 21.0."),
        ("version_unknown", "The version of c is not known."),
    ]
    assert [reason.code for reason in reasons_against([], "")] == ["routing_unknown"]


def test_it_is_switched_on_only_where_every_server_has_it(cluster):
    client = browser(cluster)
    values = {"on": "on", "queues": QUEUES.lower() + "\\", "seen_version": "1", "initial-on": "", "initial-queues": ""}
    NodeFacts.objects.filter(node__name="mx1").update(product_version="20.0.3")
    refused = client.post(f"/clusters/{cluster.pk}/routing/save/", values)
    assert "mx1 has version 20.0.3" in refused.content.decode()
    assert not SharedPaths.objects.filter(routing=True).exists()
    NodeFacts.objects.update(product_version="21.0")
    assert client.post(f"/clusters/{cluster.pk}/routing/save/", values).status_code == 302
    row = SharedPaths.objects.get()
    assert (row.routing, row.queues) == (True, r"\\files\mail\queues")
    assert AuditEvent.objects.filter(action="routing.set").count() == 1
    shown = page(client, cluster)
    assert r"<code class=\"wrap\">\\files\mail\queues</code>".replace('\\"', '"') in shown
    assert "Where these servers keep their queues was not read yet: mx0, mx1." in shown


def test_the_path_that_follows_shows_while_somebody_types(cluster):
    client, address = browser(cluster), f"/clusters/{cluster.pk}/routing/preview/"
    values = {"on": "on", "seen_version": "1"}
    typed = client.post(address, values | {"queues": "//FS2/mail/q/"}).content.decode()
    assert r"<code class=\"wrap\">\\FS2\mail\q</code>".replace('\\"', '"') in typed
    assert "drive letter" in client.post(address, values | {"queues": "C:\\Queues"}).content.decode()
    assert "Nobody said" in client.post(address, {"seen_version": "1", "queues": ""}).content.decode()
    assert not SharedPaths.objects.filter(routing=True).exists()
    assert browser(cluster, Role.OPERATOR).post(address, values).status_code == 403


@pytest.mark.parametrize(
    ("routing", "shared", "state", "said"),
    [
        (False, (False, False), "off", "queues of its own"),
        (True, (True, True), "on", "Every server works in the shared queues"),
        (True, (True, False), "to_apply", "not on the servers yet: mx1 works with queues of their own"),
        (False, (True, True), "to_apply", "Switched off here, and not on the servers yet: mx0, mx1 work in the shared"),
        (True, (True, None), "unknown", "not read yet: mx1"),
        (False, (None, None), "off", "queues of its own"),
    ],
)
def test_what_was_set_stands_beside_what_the_servers_do(cluster, routing, shared, state, said):
    SharedPaths.objects.create(cluster=cluster, routing=routing, queues=QUEUES)
    for node, shares in zip(Node.objects.filter(cluster=cluster), shared, strict=True):
        if shares is not None:
            hold(node, 0, shared=shares)
    shown = routing_of(cluster)
    assert (shown.state, said in shown.sentence) == (state, True), shown.sentence


def test_the_queues_stand_on_the_page_with_numbers_and_ages(cluster, woken):
    client = browser(cluster, Role.VIEWER)
    assert "Nothing was counted yet" in page(client, cluster)
    assert woken == [cluster.pk]
    mx0, mx1 = Node.objects.filter(cluster=cluster)
    hold(mx0, 2)
    hold(mx1, 3, left=4, age=7200)
    Node.objects.filter(pk=mx1.pk).update(health=Health.DOWN)
    keep_failure(mx1.pk, "The node does not answer.")
    shown = page(client, cluster, "queues")
    assert shown.startswith('<div id="queues-live"')
    assert '<b>2</b> <span class="sub">4.0 KB<br> oldest 1 hour</span>' in shown
    assert "Away; counted less than a minute ago" in shown
    assert "The node does not answer." in shown
    assert "Left behind" in shown
    assert "Local 4" in shown
    assert "/queues/read/" not in shown
    assert "?kind=queue_move" not in shown
    assert "?kind=queue_move" in page(browser(cluster, Role.OPERATOR), cluster)
    assert len(woken) == 1  # it was asked for a moment ago


def test_hostile_words_of_a_node_are_only_shown(cluster):
    node = Node.objects.filter(cluster=cluster)[0]
    name = "<script>alert(1)</script>\u202e"
    keep_reading(node.pk, Read("/opt/<b>", False, Tally((QueueSum(name, 1, 1, 0),), unread=("<i>",))))
    shown = page(browser(cluster), cluster)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script>alert" not in shown
    assert "\u202e" not in shown
    assert "&lt;i&gt;" in shown


def test_an_operator_has_them_read_now(cluster, woken):
    assert "/queues/read/" in page(browser(cluster, Role.OPERATOR), cluster)
    woken.clear()
    answer = browser(cluster, Role.OPERATOR).post(f"/clusters/{cluster.pk}/queues/read/")
    assert (answer.status_code, woken) == (302, [cluster.pk])
    assert AuditEvent.objects.filter(action="queues.read").count() == 1
    assert browser(cluster, Role.VIEWER).post(f"/clusters/{cluster.pk}/queues/read/").status_code == 403
    assert woken == [cluster.pk]


def test_over_rest_it_is_set_with_an_etag(cluster):
    client, address = browser(cluster), f"/api/v1/clusters/{cluster.pk}/routing"
    was = client.get(address)
    assert (was.json()["enabled"], was.json()["path"], was.json()["reasons"]) == (False, None, [])
    wanted = {"enabled": True, "queues": QUEUES}
    put = client.put(address, wanted, content_type="application/json", headers={"If-Match": was["ETag"]})
    now = put.json()
    assert (put.status_code, now["enabled"], now["path"], now["state"]) == (200, True, QUEUES, "unknown")
    assert put["ETag"] != was["ETag"]
    stale = client.put(address, wanted, content_type="application/json", headers={"If-Match": was["ETag"]})
    assert stale.status_code == 412
    wrong = client.put(address, {"enabled": True, "queues": "C:\\Queues"}, content_type="application/json")
    assert (wrong.status_code, [error["field"] for error in wrong.json()["errors"]]) == (400, ["queues"])


def test_over_rest_the_queues_are_told(cluster, woken):
    client, address = browser(cluster), f"/api/v1/clusters/{cluster.pk}/queues"
    hold(Node.objects.filter(cluster=cluster)[0], 2, left=1)
    told = client.get(address).json()
    assert (told["total"]["messages"], told["left"][0]["total"]["messages"]) == (2, 1)
    assert told["places"][0]["queues"]["Remote"]["size"] == 4096
    assert [one["name"] for one in told["unread"]] == ["mx1"]
    assert (client.post(f"{address}/read", {}, content_type="application/json").status_code, woken) == (
        202,
        [cluster.pk],
    )


def test_the_page_asks_the_same_number_of_queries_for_one_and_three_servers(cluster, django_assert_num_queries):
    client = browser(cluster)
    page(client, cluster)
    for number in (2, 3):
        for node in Node.objects.filter(cluster=cluster):
            hold(node, number, left=number)
        with django_assert_num_queries(PAGE_QUERIES):
            page(client, cluster)
        make_node(cluster)


PAGE_QUERIES = 15
