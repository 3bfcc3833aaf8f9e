"""Keys on the page of shared paths and over REST: the same, by the same roles, in the same number of queries."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.models import Cluster
from nodes.enums import IniChoice, NodeRole, PathMode, SearchState
from nodes.ini_keys.services import IniAnswer, answer_ini_key, folded
from nodes.secret import Secret
from nodes.shares.models import FolderKey, KeySearch, SharedPaths
from replication.shared_paths import tasks
from replication.shared_paths.core.keys import Candidate, Found, Holds, Typed, Unread
from replication.shared_paths.selectors.keys import keys_shown
from replication.shared_paths.services.keys import KeyPlace
from tests.factories import BACKEND, make_cluster, make_member, make_node, make_token

MAIN = "App/MDaemon.ini"


@pytest.fixture
def cluster(db: None) -> Cluster:
    cluster = make_cluster("mail")
    make_node(cluster, "mx0", role=NodeRole.PRIMARY)
    make_node(cluster, "mx2")
    SharedPaths.objects.create(cluster=cluster, mode=PathMode.COMMON, common="\\\\files\\mail")
    return cluster


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Clusters for whose search a worker was waked."""
    found: list[int] = []
    monkeypatch.setattr(tasks.find_keys, "apply_async", lambda args, **_: found.append(*args))
    return found


def key(number: int, role: str = "users") -> Candidate:
    shown = f"K{number}=/opt/mail/Users/"
    return Candidate(role, MAIN, "Dirs", f"K{number}", number, shown, Holds.TODAY, "/opt/mail/Users")


def search(cluster: Cluster, found: Found, *typed: Typed) -> KeySearch:
    node = cluster.nodes.get(role=NodeRole.PRIMARY)
    text = json.dumps(asdict(found) | {"node_id": node.pk, "node": node.name})
    return KeySearch.objects.create(
        cluster=cluster,
        state=SearchState.SUCCEEDED,
        typed=[asdict(one) for one in typed],
        requested_by="x",
        requested_at=timezone.now(),
        found=Secret(text),
        found_at=timezone.now(),
    )


def confirmed(cluster: Cluster, number: int) -> FolderKey:
    names = {"path": MAIN, "section": "Dirs", "key": f"C{number}"}
    return FolderKey.objects.create(
        cluster=cluster, role="locks", folded=folded(**names), by="x", at=timezone.now(), evidence="C=1", **names
    )


def logged_in(cluster: Cluster, role: Role) -> Client:
    client = Client()
    client.force_login(make_member(cluster, role, f"one-{role}"), backend=BACKEND)
    return client


def page(client: Client, cluster: Cluster) -> str:
    return client.get(f"/clusters/{cluster.pk}/shared-paths/").content.decode()


def test_the_page_offers_each_role_what_it_may_do(cluster: Cluster) -> None:
    typed = Typed("public", MAIN, "Dirs", "Gone", by="ann")
    unread = (
        Unread("WebAdmin/WebAdmin.ini", "It does not parse"),
        Unread(MAIN, "[Dirs] Gone is not in it", "public", "Dirs", "Gone"),
    )
    search(cluster, Found(candidates=(key(1), key(2)), unread=unread), typed)
    confirmed(cluster, 1)
    viewers, operators, administrators = (
        page(logged_in(cluster, role), cluster) for role in (Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR)
    )
    for text in ("K1=/opt/mail/Users/", "one of several", "[Dirs] C1", "not there when the file was read", "ann"):
        assert text in viewers
    for text in ("Found nowhere", "Setup, Cluster Service, Shared Network Paths", "WebAdmin/WebAdmin.ini"):
        assert text in viewers
    assert "Search the primary" not in viewers
    assert "Search the primary" in operators
    assert "Take back" in operators
    assert "Confirm what is ticked" not in operators
    assert "Withdraw" not in operators
    assert "Confirm what is ticked" in administrators
    assert "Withdraw" in administrators


def test_the_page_follows_a_search_until_it_has_ended(cluster: Cluster, woken: list[int]) -> None:
    client = logged_in(cluster, Role.OPERATOR)
    assert 'hx-select="#keys"' not in page(client, cluster)
    client.post(f"/clusters/{cluster.pk}/shared-paths/keys/search/")
    assert woken == [cluster.pk]
    asked = page(client, cluster)
    assert 'hx-select="#keys"' in asked
    assert "Waiting for a worker" in asked
    KeySearch.objects.update(state=SearchState.FAILED, error="mx0 does not answer.")
    assert "mx0 does not answer." in page(client, cluster)


def test_what_is_ticked_is_confirmed_and_what_was_named_is_read_first(cluster: Cluster, woken: list[int]) -> None:
    search(cluster, Found(candidates=(key(1), key(2))))
    client = logged_in(cluster, Role.ADMINISTRATOR)
    at = f"/clusters/{cluster.pk}/shared-paths/keys"
    ticked = KeyPlace("users", MAIN, "Dirs", "K2").id
    assert f'value="{ticked}"' in page(client, cluster)
    client.post(f"{at}/confirm/", {"key": [ticked]})
    assert [row.key for row in FolderKey.objects.all()] == ["K2"]
    client.post(f"{at}/confirm/", {"key": []}, follow=True)
    assert FolderKey.objects.count() == 1
    client.post(f"{at}/{FolderKey.objects.get().pk}/withdraw/")
    assert not FolderKey.objects.exists()
    named = {"role": "users", "path": MAIN, "section": "Dirs", "key": "Boxes"}
    assert "Value for on" in client.get(f"{at}/type/?role=users").content.decode()
    assert "secret" in client.post(f"{at}/type/", named | {"path": "PEM/x.ini"}).content.decode()
    assert client.post(f"{at}/type/", named).status_code == 302
    assert woken == [cluster.pk]
    assert [one["key"] for one in KeySearch.objects.get().typed] == ["Boxes"]
    client.post(f"{at}/named/{KeyPlace('users', MAIN, 'Dirs', 'Boxes').id}/take-back/")
    assert KeySearch.objects.get().typed == []


def test_rest_has_all_that_the_page_has(cluster: Cluster, woken: list[int]) -> None:
    search(cluster, Found(candidates=(key(1),), places={"users": "/opt/mail/Users"}))
    _, secret = make_token(make_member(cluster, Role.ADMINISTRATOR))
    api = APIClient(HTTP_AUTHORIZATION=f"Bearer {secret}")
    at = f"/api/v1/clusters/{cluster.pk}/shared-paths/keys"
    answer = api.get(at).json()
    users = next(folder for folder in answer["folders"] if folder["role"] == "users")
    assert (answer["state"], users["today"], users["wanted"]) == (
        "succeeded",
        "/opt/mail/Users",
        "\\\\files\\mail\\Users",
    )
    assert users["candidates"][0]["shown"] == "K1=/opt/mail/Users/"
    place = {"role": "users", "path": MAIN, "section": "Dirs", "key": "K1"}
    refused = api.post(at, {"keys": [place | {"key": "K9"}]}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_candidate")
    made = api.post(at, {"keys": [place]}, format="json")
    assert (made.status_code, made.json()[0]["evidence"]) == (201, "K1=/opt/mail/Users/")
    assert api.post(f"{at}/named", place | {"role": "nothing"}, format="json").status_code == 400
    named = api.post(f"{at}/named", place | {"role": "users", "key": "Other"}, format="json").json()["named"]
    assert [one["key"] for one in named] == ["Other"]
    assert api.delete(f"{at}/named/{named[0]['id']}").status_code == 204
    assert api.post(f"{at}/search", {}, format="json").status_code == 202
    assert api.delete(f"{at}/{made.json()[0]['id']}").status_code == 204
    assert woken == [cluster.pk, cluster.pk]


@pytest.mark.parametrize("count", [1, 3])
def test_any_number_of_keys_takes_the_same_queries(cluster: Cluster, django_assert_num_queries, count: int) -> None:
    search(cluster, Found(candidates=tuple(key(number) for number in range(count))))
    keeper = make_member(cluster, Role.ADMINISTRATOR)
    for number in range(count):
        row = confirmed(cluster, number)
        answer = IniAnswer(row.path, row.section, row.key, IniChoice.KEEP)
        answer_ini_key(Principal(user=keeper, via="console"), node_id=cluster.nodes.get(name="mx2").pk, answer=answer)
    fresh = Cluster.objects.get(pk=cluster.pk)
    with django_assert_num_queries(7):
        shown = keys_shown(fresh)
    assert [len(one.kept) for _, one in shown.confirmed] == [1] * count
