"""API tokens: shown once, hashed, never more than their owner, always expiring."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiToken, AuditEvent, Role
from nodes.clusters.models import Membership
from tests.factories import make_cluster, make_token, make_user

TOKENS = "/api/v1/tokens/"
ME = "/api/v1/me/"


def bearer(secret: str, scheme: str = "Bearer") -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"{scheme} {secret}")
    return client


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer"])
def test_a_new_token_works_and_its_secret_is_answered_once(operator, cluster, console_for, scheme):
    made = console_for(operator).post(TOKENS, {"name": "backup", "role": "operator"}, content_type="application/json")
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret.startswith("cpt_") and len(secret) == 68
    who = bearer(secret, scheme).get(ME).json()
    assert who == {
        "username": "operator",
        "portal_role": "",
        "token": secret[:15],
        "cluster_ids": [cluster.pk],
    }
    listed = bearer(secret).get(TOKENS).content.decode()
    assert made.json()["id"] in listed and secret not in listed


def test_only_a_hash_is_kept(operator, console_for):
    secret = console_for(operator).post(TOKENS, {"name": "x"}, content_type="application/json").json()["secret"]
    row = ApiToken.objects.values().get()
    assert secret not in str(row) and secret[15:] not in str(row)
    events = " ".join(str(event) for event in AuditEvent.objects.values_list())
    assert secret not in events and "token.create" in events


def test_it_expires_after_90_days_by_default_and_a_year_at_most(operator, api_for):
    api = api_for(operator, expiry=timezone.now() + timedelta(days=400))
    api.post(TOKENS, {"name": "default"})
    expiry = ApiToken.objects.get(name="default").expiry
    assert expiry is not None
    assert abs(expiry - timezone.now() - timedelta(days=90)) < timedelta(minutes=1)
    for days in (0, -1, 366, 10**9, "soon", None):
        refused = api.post(TOKENS, {"name": "x", "days": days})
        assert refused.status_code == 400, days
        assert [error["field"] for error in refused.json()["errors"]] == ["days"]


def test_an_expired_token_is_refused(operator):
    secret = make_token(operator, expiry=timezone.now() - timedelta(seconds=1))[1]
    answer = bearer(secret).get(ME)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "authentication_failed"


def test_the_role_is_at_most_the_owners(viewer, stranger, administrator, api_for):
    refused = api_for(viewer).post(TOKENS, {"name": "x", "role": "operator"})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "role"
    assert "Viewer" in refused.json()["errors"][0]["message"]
    assert api_for(stranger).post(TOKENS, {"name": "x"}).status_code == 400
    assert api_for(administrator).post(TOKENS, {"name": "x", "role": "administrator"}).status_code == 201


def test_a_token_makes_no_token_beyond_itself(administrator, cluster, api_for):
    other = make_cluster("other")
    api = api_for(
        administrator, role=Role.OPERATOR, cluster_ids=[cluster.pk], expiry=timezone.now() + timedelta(days=9)
    )
    for wanted, field in (
        ({"role": "administrator", "cluster_ids": [cluster.pk]}, "role"),
        ({"cluster_ids": []}, "cluster_ids"),
        ({"cluster_ids": [other.pk]}, "cluster_ids"),
        ({"cluster_ids": [cluster.pk], "days": 10}, "days"),
    ):
        refused = api.post(TOKENS, {"name": "x", "days": 1, **wanted})
        assert refused.status_code == 400, wanted
        assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert api.post(TOKENS, {"name": "x", "days": 1, "cluster_ids": [cluster.pk]}).status_code == 201


def test_a_token_sees_and_revokes_only_what_is_no_more_than_itself(administrator, cluster, api_for):
    other = make_cluster("other")
    own: dict[str, Any] = {"role": Role.OPERATOR, "cluster_ids": [cluster.pk]}
    less, same, more, wider, elsewhere = (
        make_token(administrator, **fields)[0].token_key
        for fields in (
            own | {"role": Role.VIEWER},
            own,
            own | {"role": Role.ADMINISTRATOR},
            own | {"cluster_ids": []},
            own | {"cluster_ids": [cluster.pk, other.pk]},
        )
    )
    api = api_for(administrator, **own)
    itself = api.get(ME).json()["token"]
    assert {row["id"] for row in api.get(TOKENS).json()["results"]} == {less, same, itself}
    for beyond in (more, wider, elsewhere):
        assert api.get(f"{TOKENS}{beyond}/").status_code == 404
        assert api.delete(f"{TOKENS}{beyond}/").status_code == 404
    for within in (less, same, itself):
        assert api.delete(f"{TOKENS}{within}/").status_code == 204
    assert {row.token_key for row in ApiToken.objects.all()} == {more, wider, elsewhere}


def test_a_token_that_may_only_look_revokes_itself_and_no_larger_one(operator, api_for):
    larger, secret = make_token(operator, Role.OPERATOR)
    api = api_for(operator, role=Role.VIEWER)
    assert api.delete(f"{TOKENS}{larger.token_key}/").status_code == 404
    assert bearer(secret).get(ME).status_code == 200
    assert api.delete(f"{TOKENS}{api.get(ME).json()['token']}/").status_code == 204
    assert api.get(ME).status_code == 401


def test_a_token_loses_what_its_owner_loses(operator, cluster, api_for):
    api = api_for(operator)
    assert api.get(ME).json()["cluster_ids"] == [cluster.pk]
    Membership.objects.all().delete()
    assert api.get(ME).json()["cluster_ids"] == []
    operator.is_active = False
    operator.save()
    assert api.get(ME).status_code == 401


def test_a_token_for_some_clusters_administers_nothing_else(administrator, cluster, api_for):
    make_cluster("other")
    api = api_for(administrator, cluster_ids=[cluster.pk])
    assert api.get(ME).json()["cluster_ids"] == [cluster.pk]
    assert api.get("/api/v1/users/").status_code == 403
    assert api_for(administrator, role=Role.VIEWER).get("/api/v1/users/").status_code == 403


def test_revoking_ends_it_at_once_and_strangers_cannot(operator, viewer, administrator, api_for):
    row, secret = make_token(operator)
    address = f"{TOKENS}{row.token_key}/"
    assert api_for(viewer).delete(address).status_code == 404
    assert bearer(secret).get(ME).status_code == 200
    assert api_for(administrator).delete(address).status_code == 204
    assert bearer(secret).get(ME).status_code == 401
    assert AuditEvent.objects.filter(action="token.revoke", actor="administrator").exists()


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer a b",
        "Bearer " + "x" * 9999,
        "Bearer cpt_nonsense",
        "Bearer \xff\xfe",
        "Bearer ../../etc",
        "Token ",
    ],
)
def test_malformed_headers_are_refused_clearly(db, header):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header)
    answer = client.get(ME)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


@pytest.fixture
def three_a_minute(monkeypatch):
    monkeypatch.setattr("accounts.throttling.FailedTokens.rate", "3/min", raising=False)


def asked(secret: str, address: str = "192.0.2.1", **extra):
    return bearer(secret).get(ME, REMOTE_ADDR=address, **extra)


@pytest.mark.parametrize("secret", ["cpt_nonsense", "a b"])
def test_wrong_tokens_from_an_address_are_refused_unread(db, three_a_minute, django_assert_num_queries, secret):
    assert [asked(secret).status_code for _ in range(4)] == [401, 401, 401, 429]
    with django_assert_num_queries(0):
        refused = asked("cpt_another", HTTP_X_FORWARDED_FOR="192.0.2.200")
    assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
    assert refused.json()["code"] == "throttled" and 0 < int(refused["Retry-After"]) <= 61
    assert asked(secret, "192.0.2.2").status_code == 401


def test_refused_tokens_do_not_prolong_the_wait(db, three_a_minute, monkeypatch):
    clock = Mock(return_value=1000.0)
    monkeypatch.setattr("accounts.throttling.FailedTokens.timer", clock)
    for _ in range(3):
        asked("cpt_nonsense")
    clock.return_value = 1059.0
    assert asked("cpt_nonsense")["Retry-After"] == "2"
    clock.return_value = 1060.0
    assert asked("cpt_nonsense").status_code == 401


def test_tokens_in_use_go_on_beside_somebody_elses_wrong_ones(operator, three_a_minute):
    used, new = make_token(operator)[1], make_token(operator)[1]
    assert asked(used).status_code == 200
    for _ in range(5):
        asked("cpt_nonsense")
    assert asked(used).status_code == 200
    assert asked(new).status_code == 429
    assert asked(new, "192.0.2.2").status_code == 200
    ApiToken.objects.all().delete()
    assert asked(used).status_code == 401


def test_wrong_tokens_of_a_network_of_ipv6_count_together(db, three_a_minute):
    for number in range(3):
        asked("cpt_nonsense", f"2001:db8:0:1::{number}")
    assert asked("cpt_nonsense", "2001:db8:0:1:ffff::1").status_code == 429
    assert asked("cpt_nonsense", "2001:db8:0:2::1").status_code == 401


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "bell\x07", None, ["x"]])
def test_names_are_checked(operator, api_for, name):
    refused = api_for(operator).post(TOKENS, {"name": name})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "name"


def test_the_console_makes_and_revokes_tokens(operator, console_for):
    browser = console_for(operator)
    page = browser.post("/account/tokens/", {"name": "from the console", "role": "viewer", "days": "30"})
    row = ApiToken.objects.get()
    text = page.content.decode()
    secret = text.split("<code>")[1].split("</code>")[0]
    assert bearer(secret).get(ME).status_code == 200
    assert "no-store" in page["Cache-Control"]
    assert secret not in browser.get("/account/tokens/").content.decode()
    refused = browser.post("/account/tokens/", {"name": "too much", "role": "administrator", "days": "30"})
    assert "may not do more than its owner" in refused.content.decode()
    browser.post(f"/account/tokens/{row.token_key}/revoke/")
    assert bearer(secret).get(ME).status_code == 401


def test_the_command_prints_the_secret_alone(operator, capsys):
    call_command("create_token", username="operator", name="demo", role="operator", days=1)
    secret = capsys.readouterr().out.strip()
    assert bearer(secret).get(ME).json()["username"] == "operator"
    with pytest.raises(CommandError, match="no active user"):
        call_command("create_token", username="nobody", name="demo")
    with pytest.raises(CommandError, match="may not do more"):
        call_command("create_token", username="operator", name="demo", role="administrator")


@pytest.mark.parametrize("address", [TOKENS, "/account/tokens/"])
def test_listing_tokens_costs_the_same_for_one_and_three(administrator, api_for, console_for, cost_of, address):
    face = api_for(administrator) if address == TOKENS else console_for(administrator)
    make_token(make_user())
    one = cost_of(face, address)
    for _ in range(2):
        make_token(make_user())
    assert cost_of(face, address) == one <= 10


def test_the_console_makes_a_token_for_chosen_clusters(console_for, operator, cluster):
    other = make_cluster("lab")
    Membership.objects.create(user=operator, cluster=other, role=Role.VIEWER)
    make_cluster("not theirs")
    browser = console_for(operator)
    page = browser.get("/account/tokens/").content.decode()
    assert f'name="cluster_ids" value="{cluster.pk}"' in page
    assert "not theirs" not in page
    body = {"name": "backup", "role": "viewer", "days": "7"}
    foreign = browser.post("/account/tokens/", body | {"cluster_ids": ["999"]})
    assert b"is not one of the available choices" in foreign.content
    assert not ApiToken.objects.exists()
    listed = browser.post("/account/tokens/", body | {"cluster_ids": [str(other.pk)]}).content.decode()
    assert ApiToken.objects.get().cluster_ids == [other.pk]
    assert "lab" in listed.partition("<tbody")[2].partition("</tbody>")[0]
    browser.post("/account/tokens/", body | {"name": "all"})
    assert ApiToken.objects.get(name="all").cluster_ids == []
    assert "All of the owner&#x27;s" in browser.get("/account/tokens/").content.decode()


def test_a_refusal_says_that_it_is_the_token_which_may_too_little(administrator, cluster):
    asked = {"cluster": cluster.pk, "kind": "replicate", "dry_run": True}
    refused = bearer(make_token(administrator, Role.VIEWER)[1]).post("/api/v1/jobs/", asked, format="json")
    assert refused.status_code == 403
    assert refused.json()["detail"] == "This needs the role Operator on the cluster; this token's is Viewer."
