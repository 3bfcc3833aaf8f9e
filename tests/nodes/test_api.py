"""REST for clusters, credentials and nodes: shapes, roles, ETags, filters, refusals, counts of queries."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from nodes.clusters.models import Cluster
from nodes.credentials.models import Credential
from nodes.facts.models import NodeFacts
from nodes.registry.models import Node
from nodes.secret import Secret
from tests.factories import make_cluster, make_node

CLUSTERS, NODES, CREDENTIALS = "/api/v1/clusters/", "/api/v1/nodes/", "/api/v1/credentials/"
PRINT = "SHA256:" + "a" * 43


@pytest.fixture
def boss(administrator, api_for):
    return api_for(administrator)


def fields_of(answer) -> list[str]:
    assert answer["Content-Type"].startswith("application/problem+json"), answer.content
    return sorted(error["field"] for error in answer.json()["errors"])


def node_body(cluster, **changes) -> dict[str, object]:
    body = {
        "cluster": cluster.pk,
        "name": "MAIL1",
        "address": "10.0.0.1",
        "platform": "windows",
        "install_root": "C:\\MDaemon",
    }
    return body | changes


def test_addresses_are_stable():
    assert reverse("api-cluster-list") == CLUSTERS
    assert reverse("api-node-list") == NODES
    assert reverse("api-credential-list") == CREDENTIALS
    assert reverse("api-node-facts", kwargs={"pk": 1}) == "/api/v1/nodes/1/facts/"


def test_a_cluster_from_creation_to_deletion(boss):
    made = boss.post(CLUSTERS, {"name": "East", "replication_mode": "portal"})
    assert made.status_code == 201, made.content
    assert made.json()["approval"] == "first"
    address, tag = f"{CLUSTERS}{made.json()['id']}/", made["ETag"]
    assert boss.get(address)["ETag"] == tag
    assert boss.get(address, headers={"If-None-Match": tag}).status_code == 304
    changed = boss.patch(address, {"description": "all of it"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed["ETag"] != tag
    assert boss.patch(address, {"description": "late"}, headers={"If-Match": tag}).status_code == 412
    paused = boss.post(f"{address}pause/", {"reason": "moving"})
    assert paused.json()["paused_reason"] == "moving"
    assert boss.post(f"{address}resume/").json()["paused"] is False
    assert boss.delete(address, headers={"If-Match": tag}).status_code == 412
    assert boss.delete(address).status_code == 204
    assert boss.get(address).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "East"}, "replication_mode"),
        ({"name": "East", "replication_mode": None}, "replication_mode"),
        ({"name": "East", "replication_mode": ""}, "replication_mode"),
        ({"replication_mode": "native"}, "name"),
        ({"name": "East\n", "replication_mode": "native", "paused": True}, "paused"),
        ({"name": "a\u0000b", "replication_mode": "native"}, "name"),
        ({"name": "a\u202eb", "replication_mode": "native"}, "name"),
        ({"name": "East", "replication_mode": "native", "profile": "no such"}, "profile"),
        ({"name": ["East"], "replication_mode": "native"}, "name"),
    ],
)
def test_cluster_bodies_that_are_refused(boss, body, field):
    answer = boss.post(CLUSTERS, body)
    assert answer.status_code == 400
    assert fields_of(answer) == [field]
    assert not Cluster.objects.exists()


@pytest.mark.parametrize("body", ["[]", '"x"', "{", "null", "7"])
def test_bodies_that_are_no_objects_are_refused(boss, body):
    answer = boss.generic("POST", CLUSTERS, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("application/problem+json")


def test_roles_are_kept(cluster, operator, viewer, stranger, api_for):
    node = make_node(cluster)
    cluster_at, node_at = f"{CLUSTERS}{cluster.pk}/", f"{NODES}{node.pk}/"
    watcher, hand, outsider = api_for(viewer), api_for(operator), api_for(stranger)
    assert watcher.get(node_at).status_code == 200
    assert watcher.post(f"{node_at}pause/").status_code == 403
    assert hand.post(f"{node_at}pause/").status_code == 200
    assert hand.patch(node_at, {"port": 23}).status_code == 403
    assert hand.delete(node_at).status_code == 403
    assert hand.post(NODES, node_body(cluster)).status_code == 403
    assert hand.post(f"{node_at}host-key/approve/", {"fingerprint": PRINT}).status_code == 403
    assert hand.post(f"{node_at}host-key/give/", {"fingerprint": PRINT}).status_code == 403
    assert hand.post(f"{node_at}host-key/revoke/", {"fingerprint": PRINT}).status_code == 403
    assert (
        hand.post(f"{CREDENTIALS}key-pair/", {"cluster": cluster.pk, "name": "x", "username": "y"}).status_code == 403
    )
    assert watcher.post(f"{node_at}host-key/fetch/").status_code == 403
    assert watcher.post(f"{node_at}facts/refresh/").status_code == 403
    assert watcher.post(f"{node_at}ini-keys/answer/", {}).status_code in (400, 403)
    assert hand.put(f"{cluster_at}members/viewer/", {"role": "administrator"}).status_code == 403
    assert hand.post(f"{cluster_at}path-classes/", {"pattern": "x", "path_class": "config"}).status_code == 403
    for address in (cluster_at, node_at, f"{node_at}host-key/", f"{node_at}facts/", f"{node_at}ini-keys/"):
        assert outsider.get(address).status_code == 404, address
    assert outsider.get(NODES).json()["count"] == 0
    assert outsider.get(CLUSTERS).json()["count"] == 0


def test_without_a_login_nothing_is_shown(client, cluster):
    for address in (CLUSTERS, NODES, CREDENTIALS, f"{CLUSTERS}{cluster.pk}/members/"):
        assert client.get(address).status_code == 401, address


def test_a_token_is_never_more_than_its_role_and_clusters(administrator, cluster, api_for):
    other = make_cluster()
    narrow = api_for(administrator, role=Role.VIEWER, cluster_ids=[cluster.pk])
    assert [row["id"] for row in narrow.get(CLUSTERS).json()["results"]] == [cluster.pk]
    assert narrow.get(f"{CLUSTERS}{other.pk}/").status_code == 404
    assert narrow.post(f"{CLUSTERS}{cluster.pk}/pause/").status_code == 403


def test_a_node_from_registration_to_removal(boss, cluster):
    made = boss.post(NODES, node_body(cluster))
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["port"], body["role"], body["health"], body["approved_host_key"]) == (22, "secondary", "unknown", "")
    assert (body["credential"], body["credential_name"], body["product_version"]) == (None, None, "")
    address = f"{NODES}{body['id']}/"
    keys = boss.post(f"{address}host-key/give/", {"fingerprint": PRINT}).json()
    assert keys["approved"]["fingerprint"] == PRINT
    changed = boss.patch(address, {"address": "mail1.example.com", "port": 2222}).json()
    assert (changed["address"], changed["approved_host_key"]) == ("mail1.example.com", PRINT)
    assert boss.delete(address).status_code == 409
    boss.post(f"{address}pause/")
    assert boss.delete(address).status_code == 204


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "mail 1"}, "name"),
        ({"address": "http://mail1"}, "address"),
        ({"address": ""}, "address"),
        ({"port": 0}, "port"),
        ({"port": "ssh"}, "port"),
        ({"port": 10**30}, "port"),
        ({"platform": "vms"}, "platform"),
        ({"install_root": "MDaemon"}, "install_root"),
        ({"install_root": "C:\\MDaemon\\..\\Windows"}, "install_root"),
        ({"credential": 10**17}, "credential"),
        ({"host_key_fingerprint": "SHA256:x"}, "host_key_fingerprint"),
        ({"password": "x"}, "password"),
    ],
)
def test_node_bodies_that_are_refused(boss, cluster, change, field):
    answer = boss.post(NODES, node_body(cluster, **change))
    assert answer.status_code == 400, answer.content
    assert fields_of(answer) == [field]
    assert all(error["message"] and error["remedy"] for error in answer.json()["errors"])
    assert not Node.objects.exists()


def test_a_node_of_no_cluster_is_not_found(boss, cluster):
    assert boss.post(NODES, node_body(cluster) | {"cluster": 4711}).status_code == 404


def test_a_cluster_that_no_database_holds_is_named(boss, cluster):
    assert fields_of(boss.post(NODES, node_body(cluster) | {"cluster": 10**30})) == ["cluster"]


def test_approving_a_key_that_was_never_shown_is_refused(boss, cluster):
    node = make_node(cluster)
    answer = boss.post(f"{NODES}{node.pk}/host-key/approve/", {"fingerprint": PRINT})
    assert fields_of(answer) == ["fingerprint"]
    answer = boss.post(f"{NODES}{node.pk}/host-key/approve/", {"fingerprint": "aa:bb"})
    assert "ssh-keygen" in answer.json()["errors"][0]["message"]


def test_facts_before_anything_was_read(boss, cluster):
    answer = boss.get(f"{NODES}{make_node(cluster).pk}/facts/")
    assert answer.status_code == 404
    assert "refresh" in answer.json()["detail"]


def test_a_key_pair_comes_with_the_lines_that_let_it_in(boss, cluster):
    answer = boss.post(f"{CREDENTIALS}key-pair/", {"cluster": cluster.pk, "name": "pair", "username": "svc"})
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body["public_key"].startswith("ssh-ed25519 ")
    for lines in (body["lines"]["posix"], body["lines"]["windows_user"], body["lines"]["windows_administrator"]):
        assert any(body["public_key"] in line for line in lines)
    again = boss.get(f"{CREDENTIALS}{body['credential']['id']}/letting-in/")
    assert again.json() == body["lines"]
    assert "PRIVATE" not in answer.content.decode()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "password"),
        ({"password": ""}, "password"),
        ({"password": "x", "private_key": "y"}, "private_key"),
        ({"kind": "key", "password": "x"}, "private_key"),
        ({"kind": "key", "private_key": "ssh-ed25519 AAAA"}, "private_key"),
        ({"kind": "token"}, "kind"),
        ({"password": "x", "username": ""}, "username"),
    ],
)
def test_credential_bodies_that_are_refused(boss, cluster, change, field):
    body = {"cluster": cluster.pk, "name": "p", "username": "svc", "kind": "password"} | change
    answer = boss.post(CREDENTIALS, body)
    assert answer.status_code == 400, answer.content
    assert fields_of(answer) == [field]
    assert not Credential.objects.exists()


def test_a_credential_is_changed_and_removed(boss, cluster):
    body = {"cluster": cluster.pk, "name": "p", "username": "svc", "kind": "password", "password": " old "}
    made = boss.post(CREDENTIALS, body)
    assert made.status_code == 201, made.content
    assert Credential.objects.get().secret == Secret(" old ")
    address = f"{CREDENTIALS}{made.json()['id']}/"
    changed = boss.patch(address, {"password": "new"}, headers={"If-Match": made["ETag"]})
    assert changed.status_code == 200
    assert Credential.objects.get().secret == Secret("new")
    assert boss.patch(address, {"name": "q"}, headers={"If-Match": made["ETag"]}).status_code == 412
    assert fields_of(boss.patch(address, {"passphrase": "x"})) == ["private_key"]
    node = make_node(cluster, credential_id=made.json()["id"])
    assert boss.delete(address).status_code == 409
    node.delete()
    assert boss.delete(address).status_code == 204


def test_members_and_path_classes(boss, cluster, stranger, api_for):
    at = f"{CLUSTERS}{cluster.pk}/"
    assert boss.put(f"{at}members/stranger/", {"role": "viewer"}).json() == {"username": "stranger", "role": "viewer"}
    assert api_for(stranger).get(at).status_code == 200
    assert boss.get(f"{at}members/").json()["results"] == [{"username": "stranger", "role": "viewer"}]
    assert fields_of(boss.put(f"{at}members/nobody/", {"role": "viewer"})) == ["username"]
    assert boss.delete(f"{at}members/stranger/").status_code == 204
    assert api_for(stranger).get(at).status_code == 404
    said = boss.post(f"{at}path-classes/", {"pattern": "App/*.xyz", "path_class": "config"})
    assert said.status_code == 201
    assert [row["pattern"] for row in boss.get(f"{at}path-classes/").json()["results"]] == ["App/*.xyz"]
    assert boss.delete(f"{at}path-classes/{said.json()['id']}/").status_code == 204
    assert boss.delete(f"{at}path-classes/{said.json()['id']}/").status_code == 404
    assert fields_of(boss.post(f"{at}path-classes/", {"pattern": "/x", "path_class": "config"})) == ["pattern"]


def test_ini_keys_are_listed_filtered_and_answered(boss, cluster):
    at = f"{NODES}{make_node(cluster).pk}/ini-keys/"
    body = {"path": "App/MDaemon.ini", "section": "Domain", "key": "HostName", "choice": "keep"}
    answered = boss.post(f"{at}answer/", body)
    assert answered.status_code == 200, answered.content
    assert answered.json()["answered"] is True
    assert boss.get(at, {"choice": "keep"}).json()["count"] == 1
    assert boss.get(at, {"choice": "replicate"}).json()["count"] == 0
    assert fields_of(boss.post(f"{at}answer/", body | {"choice": "x"})) == ["choice"]


def test_filters_and_pages(boss, cluster):
    other = make_cluster(replication_mode="native")
    for name in ("a1", "a2", "b1"):
        make_node(cluster, name)
    make_node(other, "c1", quarantined_reason="another key")
    names = lambda **query: [row["name"] for row in boss.get(NODES, query).json()["results"]]  # noqa: E731
    assert names(cluster=cluster.pk) == ["a1", "a2", "b1"]
    assert names(name="A") == ["a1", "a2"]
    assert names(quarantined=True) == ["c1"]
    assert names(quarantined=False) == ["a1", "a2", "b1"]
    assert names(role="primary") == []
    assert boss.get(NODES, {"cluster": 10**30}).status_code == 400
    assert boss.get(NODES, {"cluster": "1.5"}).status_code == 400
    assert boss.get(NODES, {"role": "king"}).status_code == 400
    page = boss.get(NODES, {"limit": 2}).json()
    assert (page["count"], len(page["results"])) == (4, 2)
    assert page["next"]
    modes = boss.get(CLUSTERS, {"replication_mode": "native"}).json()["results"]
    assert [row["id"] for row in modes] == [other.pk]
    assert modes[0]["node_count"] == 1
    assert modes[0]["quarantined_count"] == 1


@pytest.mark.parametrize("address", ["x", "0", "-1", "1" * 18, "1" * 30])
def test_addresses_of_nothing_are_not_found(boss, address):
    assert boss.get(f"{NODES}{address}/").status_code == 404


@pytest.mark.parametrize(("address", "queries"), [(CLUSTERS, 5), (NODES, 4), (CREDENTIALS, 4)])
@pytest.mark.parametrize("rows", [1, 3])
def test_lists_cost_the_same_however_long(boss, django_assert_num_queries, address, queries, rows):
    for _ in range(rows):
        home = make_cluster()
        stored = Credential.objects.create(cluster=home, name="x", username="y", kind="password", secret=Secret("z"))
        node = make_node(home, credential=stored)
        NodeFacts.objects.create(node=node, read_at=timezone.now())
        node.host_keys.create(fingerprint=PRINT, state="approved")
    boss.get(address)
    with django_assert_num_queries(queries):
        assert boss.get(address).json()["count"] == rows
