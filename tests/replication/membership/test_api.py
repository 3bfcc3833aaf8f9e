"""Joining, leaving, servers, searches and configuration over REST: shapes, rights, refusals, costs."""

from __future__ import annotations

import json

import pytest

from accounts.models import AuditEvent, Role
from nodes.checks.services.attestations import Word, attest
from nodes.credentials.services import Login, store_password
from nodes.discovery.models import NetworkSearch
from nodes.enums import HostKeyState, Joining, NodeRole, ReplicationMode
from nodes.ini_keys.models import IniDecision
from nodes.ini_keys.services import folded
from nodes.registry.models import HostKey
from nodes.secret import Secret
from replication.configuration.models import Baseline, Origin
from replication.jobs.models import Job
from tests.factories import make_cluster, make_node

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def boss(administrator, api_for):
    return api_for(administrator)


@pytest.fixture
def primary(cluster):
    return make_node(cluster, "mx0", role=NodeRole.PRIMARY)


@pytest.fixture
def ready(cluster, primary, administrator, principal_for):
    """A registered secondary that could join."""
    login = Login(cluster.pk, "portal", "svc")
    chief = principal_for(administrator)
    credential = store_password(chief, login=login, password=Secret("canary-pass-1"))
    node = make_node(cluster, "mx1", joining=Joining.REGISTERED, credential=credential)
    HostKey.objects.create(node=node, fingerprint="SHA256:x", state=HostKeyState.APPROVED)
    for one in (primary, node):
        attest(chief, node_id=one.pk, word=Word("cluster_service", "off"))
    return node


def test_joining_needs_the_name_and_an_administrator(boss, api_for, operator, ready) -> None:
    at = f"{API}/nodes/{ready.pk}/join/"
    assert api_for(operator).post(at, {"confirm_name": "mx1"}).status_code == 403
    wrong = boss.post(at, {"confirm_name": "mx2"})
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["field"] == "confirm_name"
    assert "Type mx1" in wrong.json()["errors"][0]["message"]
    assert boss.post(at, {}).status_code == 400
    ready.refresh_from_db()
    assert ready.joining == Joining.REGISTERED
    answer = boss.post(at.rstrip("/"), {"confirm_name": "mx1"})
    assert answer.status_code == 200
    assert answer.json()["joining"] == "joining"
    assert [step["state"] for step in answer.json()["steps"]].count("current") == 1
    assert boss.post(at, {"confirm_name": "mx1"}).status_code == 200
    said = AuditEvent.objects.get(action="node.join")
    text, _, unknown = said.text.partition(" Not known then: ")
    assert text == "Confirmed that mx1 joins cluster mail. All settings on that server will be overwritten."
    assert {"Same version", "Clock", "Disk space"} <= set(unknown.rstrip(".").split(", "))
    assert {"same_version", "clock", "disk"} <= set(said.data["unknown"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quarantined_reason": "another key"}, "host_key_unknown"),
        ({"credential": None}, "no_credential"),
        ({"role": NodeRole.PRIMARY}, "is_primary"),
    ],
)
def test_who_cannot_join_yet_is_told_why(boss, ready, primary, change, code) -> None:
    if "role" in change:
        ready = primary
    for name, value in change.items():
        setattr(ready, name, value)
    ready.save()
    answer = boss.post(f"{API}/nodes/{ready.pk}/join", {"confirm_name": ready.name})
    assert (answer.status_code, answer.json()["code"]) == (409, code)


def test_nobody_joins_a_cluster_without_a_primary(boss, ready, primary) -> None:
    primary.delete()
    answer = boss.post(f"{API}/nodes/{ready.pk}/join", {"confirm_name": "mx1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_primary")


def test_joining_again_begins_a_new_past(boss, ready) -> None:
    Baseline.objects.create(node=ready, root="0" * 64, proven_at=ready.created_at)
    Origin.objects.create(node=ready, root="0" * 64)
    ready.joining = Joining.LEFT
    ready.save()
    boss.post(f"{API}/nodes/{ready.pk}/join", {"confirm_name": "mx1"})
    assert not Baseline.objects.exists()
    assert not Origin.objects.exists()


def test_another_role_asks_anew(boss, ready, primary) -> None:
    ready.joining = Joining.JOINED
    ready.save()
    boss.patch(f"{API}/nodes/{primary.pk}/", {"role": "secondary"})
    boss.patch(f"{API}/nodes/{ready.pk}/", {"role": "primary"})
    primary.refresh_from_db()
    ready.refresh_from_db()
    assert (primary.joining, ready.joining) == (Joining.REGISTERED, Joining.REGISTERED)


def test_leaving_is_confirmed_and_becomes_a_job(boss, api_for, operator, ready) -> None:
    at = f"{API}/nodes/{ready.pk}/leave/"
    assert boss.post(at, {"confirm_name": "mx1"}).json()["code"] == "not_joined"
    ready.joining = Joining.JOINED
    ready.save()
    assert api_for(operator).post(at, {"confirm_name": "mx1"}).status_code == 403
    assert boss.post(at, {"confirm_name": "mx"}).status_code == 400
    dry = boss.post(at, {"dry_run": True})
    assert (dry.status_code, dry.json()["dry_run"]) == (202, True)
    ready.refresh_from_db()
    assert ready.joining == Joining.JOINED
    made = boss.post(at, {"confirm_name": "mx1", "keep": True, "reason": "sold"})
    assert (made.status_code, made.json()["kind"], made.json()["options"]) == (202, "leave", {"keep": True})
    again = boss.post(at, {"confirm_name": "mx1", "keep": True})
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    ready.refresh_from_db()
    assert ready.joining == Joining.LEAVING
    busy = boss.post(f"{API}/nodes/{ready.pk}/join", {"confirm_name": "mx1"})
    assert (busy.status_code, busy.json()["code"]) == (409, "leaving")
    boss.post(f"{API}/jobs/{made.json()['id']}/cancel/", {})
    assert boss.post(f"{API}/nodes/{ready.pk}/join", {"confirm_name": "mx1"}).json()["joining"] == "joining"


def test_leave_jobs_take_one_option(boss, cluster) -> None:
    body = {"kind": "leave", "cluster": cluster.pk}
    for options in ({"force": True}, {"keep": "yes"}):
        answer = boss.post(f"{API}/jobs/", body | {"options": options})
        assert answer.status_code == 400
        assert "keep" in str(answer.json())
    assert not Job.objects.exists()


def test_in_native_mode_the_portal_gives_nothing_back(boss) -> None:
    cluster = make_cluster("own", replication_mode=ReplicationMode.NATIVE)
    make_node(cluster, "p", role=NodeRole.PRIMARY)
    node = make_node(cluster, "s")
    answer = boss.post(f"{API}/nodes/{node.pk}/leave", {"confirm_name": "s"})
    assert (answer.status_code, answer.json()["code"]) == (409, "native_mode")
    assert boss.post(f"{API}/nodes/{node.pk}/leave", {"confirm_name": "s", "keep": True}).status_code == 202


def test_registered_servers_are_the_primary_and_who_joined(boss, api_for, stranger, cluster, primary, ready) -> None:
    make_node(cluster, "mx2")
    make_node(cluster, "mx3", joining=Joining.LEAVING)
    make_node(cluster, "mx4", joining=Joining.LEFT)
    found = boss.get(f"{API}/clusters/{cluster.pk}/servers").json()
    assert [one["name"] for one in found["registered"]] == ["mx0", "mx2", "mx3"]
    assert [one["name"] for one in found["others"]] == ["mx1", "mx4"]
    assert api_for(stranger).get(f"{API}/clusters/{cluster.pk}/servers").status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_servers_cost_the_same_for_one_and_for_many(boss, cluster, cost_of, count) -> None:
    for number in range(count):
        make_node(cluster, f"s{number}")
    boss.get(f"{API}/clusters/{cluster.pk}/servers")
    assert cost_of(boss, f"{API}/clusters/{cluster.pk}/servers") == 4


def test_differences_mask_what_looks_secret(boss, ready) -> None:
    rows = {
        ("Registration", "Value"): ["CANARY-A", "CANARY-B"],
        ("System", "AdminPassword"): ["CANARY-C", None],
        ("System", "Blob"): ["canary0123456789abcdefCANARY", "x"],
        ("Directories", "Raw"): ["C:\\MDaemon\\Queues\\Raw", "D:\\Raw"],
    }
    for (section, key), values in rows.items():
        names = ("App/MDaemon.ini", section, key)
        IniDecision.objects.create(
            node=ready,
            path=names[0],
            section=section,
            key=key,
            folded=folded(*names),
            choice="keep",
            values=Secret(json.dumps(values)),
        )
    answer = boss.get(f"{API}/nodes/{ready.pk}/differences")
    assert "canary" not in answer.content.decode().casefold()
    found = {one["key"]: one for one in answer.json()}
    assert (found["Raw"]["primary"], found["Raw"]["own"], found["Raw"]["masked"]) == (
        "C:\\MDaemon\\Queues\\Raw",
        "D:\\Raw",
        False,
    )
    assert found["AdminPassword"]["own"] is None
    assert "canary" not in boss.get(f"{API}/nodes/{ready.pk}/ini-keys/").content.decode().casefold()


def test_a_secondarys_configuration_is_read_only(boss, api_for, viewer, ready, primary) -> None:
    at = f"{API}/nodes/{ready.pk}/configuration"
    assert boss.get(at).json()["count"] == 0
    for method in ("put", "patch", "delete", "post"):
        answer = getattr(boss, method)(at)
        assert (answer.status_code, answer.json()["code"]) == (409, "read_only")
        assert answer.json()["detail"] == "configuration changes are made on the primary mx0"
        other = getattr(boss, method)(f"{API}/nodes/{primary.pk}/configuration/")
        assert other.status_code == 405
        assert "in MDaemon" in other.json()["detail"]
    assert api_for(viewer).put(at).status_code == 403


def test_searches_over_rest(boss, api_for, operator, viewer, cluster) -> None:
    at = f"{API}/clusters/{cluster.pk}/searches"
    assert api_for(operator).post(at, {"networks": ["10.0.0.0/30"]}).status_code == 403
    for networks in ([], ["8.8.8.8"], ["10.0.0.0/8"], ["x"], "10.0.0.0/30"):
        assert boss.post(at, {"networks": networks}).status_code == 400, networks
    assert boss.post(at, {"network": ["10.0.0.0/30"]}).status_code == 400
    made = boss.post(at, {"networks": ["10.0.0.0/30", "10.0.0.2"], "ssh_ports": [22, 2222]})
    assert made.status_code == 202
    assert (made.json()["total"], made.json()["state"]) == (2, "requested")
    assert boss.post(at, {"networks": ["10.0.0.0/30"]}).status_code == 409
    one = f"{at}/{made.json()['id']}"
    assert api_for(viewer).get(one).json()["hits"] == []
    assert api_for(viewer).post(f"{one}/cancel", {}).status_code == 403
    assert boss.post(f"{one}/cancel/", {}).json()["state"] == "cancelled"
    assert boss.post(f"{one}/cancel/", {}).status_code == 200
    assert boss.get(at).json()["count"] == 1
    foreign = f"{API}/clusters/{make_cluster().pk}/searches/{made.json()['id']}"
    assert boss.get(foreign).status_code == 404
    assert NetworkSearch.objects.count() == 1


def test_a_token_for_viewing_may_not_join(administrator, api_for, ready) -> None:
    face = api_for(administrator, role=Role.VIEWER)
    assert face.get(f"{API}/nodes/{ready.pk}/join").status_code == 200
    assert face.post(f"{API}/nodes/{ready.pk}/join", {"confirm_name": "mx1"}).status_code == 403
