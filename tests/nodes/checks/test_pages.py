"""Checks, cluster log, set-up page and what people attest: pages and REST, for each role."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags
from rest_framework.test import APIClient

from accounts.models import AuditEvent, Role
from accounts.principals import Principal
from nodes.checks.models import Attestation, Guard
from nodes.checks.services.attestations import Word, attest
from nodes.checks.services.checks import run_checks
from nodes.cluster_log import services as cluster_log_services
from nodes.cluster_log.models import ClusterLogLine
from nodes.cluster_log.services import Entry
from nodes.enums import Health, LogLevel, NodeRole
from tests.factories import make_cluster, make_member, make_node

pytestmark = pytest.mark.django_db


@pytest.fixture
def cluster():
    made = make_cluster("harbour")
    make_node(made, "mx0", role=NodeRole.PRIMARY)
    make_node(made, "mx1")
    return made


def browser(cluster, role: Role) -> Client:
    client = Client()
    client.force_login(make_member(cluster, role))
    return client


def api(cluster, role: Role) -> APIClient:
    client = APIClient()
    client.force_authenticate(make_member(cluster, role))
    return client


def node_of(cluster, name: str):
    return cluster.nodes.get(name=name)


def test_a_viewer_sees_everything_and_may_do_nothing(cluster) -> None:
    run_checks(cluster.pk)
    client = browser(cluster, Role.VIEWER)
    node = node_of(cluster, "mx1")
    for page in ("checks/", "log/", "log/live/", "log/download/", "setup/", ""):
        assert client.get(f"/clusters/{cluster.pk}/{page}").status_code == 200
    assert "Registration key" in client.get(f"/nodes/{node.pk}/").content.decode()
    assert "Worst check" in client.get("/").content.decode()
    for act in ("checks/run/", "setup/3/attest/", "setup/3/withdraw/"):
        assert client.post(f"/clusters/{cluster.pk}/{act}").status_code == 403
    assert client.post(f"/nodes/{node.pk}/attest/", {"said": "cluster_service:off"}).status_code == 403
    assert client.post(f"/nodes/{node.pk}/registration/", {"registration_key": "1234"}).status_code == 403
    assert not Attestation.objects.exists()


def words_of(client: Client, address: str, part: str) -> str:
    """The words of one part of a page, by its id."""
    found = client.get(address).content.decode().partition(f'id="{part}"')[2].partition("</section>")[0]
    return " ".join(strip_tags(found).split())


def test_who_could_not_be_asked_is_said_wherever_checks_are(cluster) -> None:
    run_checks(cluster.pk)
    client, node = browser(cluster, Role.VIEWER), node_of(cluster, "mx1")
    places = [
        (f"/clusters/{cluster.pk}/", "checks"),
        (f"/clusters/{cluster.pk}/checks/", "checks-live"),
        (f"/nodes/{node.pk}/", "checks"),
    ]
    assert not any("could not be asked" in words_of(client, *place) for place in places)
    for health, said in ((Health.DOWN, "Away"), (Health.DEGRADED, "Degraded"), (Health.QUARANTINED, "Quarantined")):
        reason = "another key" if health == Health.QUARANTINED else ""
        cluster.nodes.filter(pk=node.pk).update(health=health, quarantined_reason=reason)
        for place in places:
            assert f"1 node could not be asked: mx1 {said}" in words_of(client, *place), place


def test_none_warns_is_said_of_what_is_known_only(cluster) -> None:
    run_checks(cluster.pk)
    client = browser(cluster, Role.VIEWER)
    at = (f"/clusters/{cluster.pk}/", "checks")
    Guard.objects.update(state="pass")
    assert "None warns or fails." in words_of(client, *at)
    cluster.nodes.filter(name="mx1").update(health=Health.DOWN)
    assert "None of what is known warns or fails. 1 node could not be asked" in words_of(client, *at)
    cluster.nodes.update(health=Health.OK)
    Guard.objects.filter(code="clock").update(state="unknown")
    assert "None of what is known warns or fails." in words_of(client, *at)


def test_strangers_see_nothing(cluster) -> None:
    client = api(make_cluster(), Role.ADMINISTRATOR)
    node = node_of(cluster, "mx1")
    for address in ("checks", "log", "log/download", "setup", "features"):
        assert client.get(f"/api/v1/clusters/{cluster.pk}/{address}").status_code == 404
    for address in ("attestations", "registration"):
        assert client.get(f"/api/v1/nodes/{node.pk}/{address}/").status_code == 404


def test_an_operator_attests_and_takes_it_back(cluster) -> None:
    client, node = browser(cluster, Role.OPERATOR), node_of(cluster, "mx1")
    client.post(f"/nodes/{node.pk}/attest/", {"said": "cluster_service:off", "note": "looked"})
    word = Attestation.objects.get()
    assert (word.subject, word.value, word.note) == ("cluster_service", "off", "looked")
    finding = next(row for row in Guard.objects.get(code="cluster_service").findings if row["node"] == "mx1")
    assert finding["standing"] == "pass"
    assert ClusterLogLine.objects.filter(code="0x4151F010", node_name="mx1").exists()
    assert AuditEvent.objects.filter(action="node.attest").exists()
    client.post(f"/nodes/{node.pk}/attest/withdraw/", {"subject": "cluster_service"})
    assert not Attestation.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"subject": "cluster_service", "value": "maybe"}, "value"),
        ({"subject": "weather", "value": "on"}, "subject"),
        ({"value": "on"}, "subject"),
        ({"subject": "part", "value": "primary", "note": "x" * 201}, "note"),
        ({"subject": "part", "value": "primary", "extra": 1}, "extra"),
    ],
)
def test_words_that_make_no_sense_are_refused(cluster, body, field) -> None:
    answer = api(cluster, Role.OPERATOR).post(
        f"/api/v1/nodes/{node_of(cluster, 'mx1').pk}/attestations", body, format="json"
    )
    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]


def test_since_moves_with_the_verdict_only(cluster) -> None:
    first = {check.code: check for check in run_checks(cluster.pk)}
    again = {check.code: check for check in run_checks(cluster.pk)}
    assert {code: check.since for code, check in again.items()} == {code: check.since for code, check in first.items()}
    assert again["clock"].checked_at > first["clock"].checked_at
    node_of(cluster, "mx0").delete()
    lost = {check.code: check for check in run_checks(cluster.pk)}["one_primary"]
    assert (first["one_primary"].state, lost.state) == ("pass", "fail")
    assert lost.since > first["one_primary"].since
    line = ClusterLogLine.objects.get(code=cluster_log_services.GUARD_FAILS)
    assert (line.level, line.text) == (LogLevel.ERROR, "No node of this cluster is the primary.")
    run_checks(cluster.pk)
    assert ClusterLogLine.objects.filter(code=cluster_log_services.GUARD_FAILS).count() == 1


def test_the_log_has_the_guides_form_and_is_read_on_by_its_ids(cluster, settings) -> None:
    settings.TIME_ZONE = "UTC"
    entries = [Entry(cluster_log_services.COMPLETED, f"line {n}", LogLevel.INFO, "mx1", 262 + n) for n in range(3)]
    cluster_log_services.write(cluster.pk, entries)
    client = api(cluster, Role.VIEWER)
    first = client.get(f"/api/v1/clusters/{cluster.pk}/log?limit=2").json()
    assert [line["text"] for line in first["results"]] == ["line 0", "line 1"]
    assert first["more"]
    at = entries[0].at
    stamp = f"{at:%y/%m/%d %H:%M:%S}.{at.microsecond // 1000:03d}"
    assert first["results"][0]["line"] == f"{stamp} Info 00000106 0x41510618 line 0"
    rest = client.get(f"/api/v1/clusters/{cluster.pk}/log?after={first['next']}").json()
    assert [line["text"] for line in rest["results"]] == ["line 2"]
    assert not rest["more"]
    assert client.get(f"/api/v1/clusters/{cluster.pk}/log?after={rest['next']}").json()["next"] == rest["next"]
    assert client.get(f"/api/v1/clusters/{cluster.pk}/log?search=line 1&level=Info").json()["results"]
    assert not client.get(f"/api/v1/clusters/{cluster.pk}/log?level=Error").json()["results"]
    assert client.get(f"/api/v1/clusters/{cluster.pk}/log?after=-1").status_code == 400


def test_the_log_is_followed_and_hostile_lines_are_text(cluster) -> None:
    cluster_log_services.write(cluster.pk, [Entry(cluster_log_services.SIGNAL, "first")])
    client = browser(cluster, Role.VIEWER)
    page = client.get(f"/clusters/{cluster.pk}/log/").content.decode()
    last = ClusterLogLine.objects.latest("pk").pk
    assert f"?after={last}" in page
    cluster_log_services.write(cluster.pk, [Entry(cluster_log_services.SIGNAL, "<script>x</script>\r\nforged line")])
    live = client.get(f"/clusters/{cluster.pk}/log/live/?after={last}").content.decode()
    assert "&lt;script&gt;x&lt;/script&gt; forged line" in live
    assert "first" not in live
    assert client.get(f"/clusters/{cluster.pk}/log/live/?after=bogus").status_code == 200


def test_the_log_is_pruned_by_age_and_number(cluster, settings) -> None:
    settings.PORTAL = replace(settings.PORTAL, cluster_log_days=10, cluster_log_lines=5)
    old = timezone.now() - timedelta(days=11)
    cluster_log_services.write(cluster.pk, [Entry(cluster_log_services.SIGNAL, "old", at=old)])
    cluster_log_services.write(cluster.pk, [Entry(cluster_log_services.SIGNAL, f"new {n}") for n in range(9)])
    assert cluster_log_services.prune() == 5
    kept = list(ClusterLogLine.objects.order_by("pk").values_list("text", flat=True))
    assert kept == [f"new {n}" for n in range(4, 9)]


def test_set_up_steps_are_proven_attested_or_to_do(cluster) -> None:
    client = api(cluster, Role.OPERATOR)
    at = f"/api/v1/clusters/{cluster.pk}/setup"
    steps = {step["number"]: step for step in client.get(at).json()}
    assert list(steps) == list(range(1, 16))
    assert steps[10]["state"] == "done"
    assert "mx1" in steps[10]["evidence"]
    assert steps[13]["state"] == "todo"
    assert "0x41510618" in steps[13]["evidence"]
    said = client.put(f"{at}/15/attestation", {"note": "haproxy"}, format="json").json()
    assert (said["state"], said["note"]) == ("attested", "haproxy")
    assert client.delete(f"{at}/15/attestation/").status_code == 204
    assert {step["number"]: step["state"] for step in client.get(at).json()}[15] == "todo"
    assert client.put(f"{at}/16/attestation", {}, format="json").status_code == 400


def test_an_administrator_says_where_a_switch_is(cluster) -> None:
    boss = api(cluster, Role.ADMINISTRATOR)
    at = f"/api/v1/clusters/{cluster.pk}/features"
    known = {rule["code"]: rule for rule in boss.get(at).json()}
    assert known["attachment_linking"]["key"] == ""
    assert (known["domain_binding"]["key"], known["domain_binding"]["source"]) == ("Bind", "community")
    place = {"path": "App/MDaemon.ini", "section": "Made", "key": "Up", "off": "No"}
    assert boss.put(f"{at}/attachment_linking", place, format="json").json()["source"] == "operator"
    for wrong in ({"path": "../x"}, {"key": "a=b"}, {"off": ""}, {"path": "/etc/passwd"}):
        assert boss.put(f"{at}/attachment_linking", {**place, **wrong}, format="json").status_code == 400
    assert boss.put(f"{at}/unheard_of", place, format="json").status_code == 400
    assert boss.delete(f"{at}/attachment_linking/").status_code == 204
    page = browser(cluster, Role.ADMINISTRATOR)
    assert page.get(f"/clusters/{cluster.pk}/features/attachment_linking/").status_code == 200
    page.post(f"/clusters/{cluster.pk}/features/attachment_linking/", place)
    assert {rule["code"]: rule for rule in boss.get(at).json()}["attachment_linking"]["section"] == "Made"


def test_who_has_no_role_attests_nothing(cluster) -> None:
    nobody = Principal(make_member(make_cluster(), Role.ADMINISTRATOR), via="console")
    with pytest.raises((PermissionDenied, Http404)):
        attest(nobody, node_id=node_of(cluster, "mx1").pk, word=Word("cluster_service", "off"))


def test_the_checks_page_asks_a_fixed_number_of_questions(cluster, django_assert_max_num_queries) -> None:
    for _ in range(8):
        make_node(cluster)
    with django_assert_max_num_queries(25):
        run_checks(cluster.pk)
