"""The people of the portal: let in, given roles, shut out; never the last administrator."""

from __future__ import annotations

import io
import threading
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts import users
from accounts.errors import Refused
from accounts.models import ApiToken, AuditEvent, Role, User
from accounts.tokens import NewToken, issue_token
from tests.factories import PASSWORD, make_token, make_user
from tests.threads import Thread

USERS = "/api/v1/users/"


@pytest.fixture
def api(administrator, api_for):
    return api_for(administrator)


def test_only_administrators_see_the_people(operator, viewer, stranger, api_for, console_for):
    for user in (operator, viewer, stranger):
        assert api_for(user).get(USERS).status_code == 403
        assert api_for(user).post(USERS, {"username": "mate"}).status_code == 403
        assert api_for(user).patch(f"{USERS}{user.pk}/", {"portal_role": "administrator"}).status_code == 403
        assert console_for(user).get("/users/").status_code == 403
    assert User.objects.filter(username="mate").count() == 0
    assert not User.objects.exclude(portal_role="").exists()


def test_somebody_is_let_in_with_a_one_time_password(api, client):
    made = api.post(USERS, {"username": "newcomer", "portal_role": "viewer"})
    assert made.status_code == 201
    body = made.json()
    assert body["must_change_password"] is True and len(body["one_time_password"]) == 27
    answer = client.post("/account/login/", {"login": "newcomer", "password": body["one_time_password"]})
    assert answer.status_code == 302
    assert client.get("/audit/")["Location"] == "/account/password/"
    log = " ".join(str(event) for event in AuditEvent.objects.values_list())
    assert "user.create" in log and body["one_time_password"] not in log


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"username": ""}, "username"),
        ({}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"username": "Administrator"}, "username"),
        ({"username": "System"}, "username"),
        ({"username": "ok", "portal_role": "king"}, "portal_role"),
        ({"username": "ok", "email": "nonsense"}, "email"),
    ],
)
def test_bad_input_names_the_field(api, wrong, field):
    refused = api.post(USERS, wrong)
    assert refused.status_code == 400
    errors = refused.json()["errors"]
    assert [error["field"] for error in errors] == [field]
    assert errors[0]["message"] and errors[0]["remedy"]
    assert User.objects.count() == 1


def test_roles_change_and_the_change_is_audited(api, stranger):
    assert api.patch(f"{USERS}{stranger.pk}/", {"portal_role": "operator"}).json()["portal_role"] == "operator"
    event = AuditEvent.objects.get(action="user.role")
    assert (event.actor, event.data) == ("administrator", {"before": "", "after": "operator"})
    assert (event.via, event.remote_address) == ("api", "127.0.0.1")
    api.patch(f"{USERS}{stranger.pk}/", {"portal_role": "operator"})
    assert AuditEvent.objects.filter(action="user.role").count() == 1


def test_the_last_administrator_stays(api, administrator):
    for change in ({"portal_role": ""}, {"portal_role": "viewer"}, {"is_active": False}):
        refused = api.patch(f"{USERS}{administrator.pk}/", change)
        assert (refused.status_code, refused.json()["code"]) == (409, "last_administrator")
    administrator.refresh_from_db()
    assert administrator.is_active and administrator.portal_role == Role.ADMINISTRATOR
    make_user("second", portal_role=Role.ADMINISTRATOR)
    assert api.patch(f"{USERS}{administrator.pk}/", {"portal_role": ""}).status_code in (200, 403)
    administrator.refresh_from_db()
    assert administrator.portal_role == ""


def test_of_two_changes_at_once_none_is_made_where_one_is_refused(api, administrator):
    administrator.is_superuser = True
    administrator.save()
    refused = api.patch(f"{USERS}{administrator.pk}/", {"portal_role": "viewer", "is_active": False})
    assert (refused.status_code, refused.json()["code"]) == (409, "last_administrator")
    administrator.refresh_from_db()
    assert administrator.portal_role == Role.ADMINISTRATOR
    assert not AuditEvent.objects.filter(action="user.role").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", ["demote", "shut out"])
def test_two_administrators_who_take_the_role_from_each_other_at_once_leave_one(principal_for, monkeypatch, act):
    pair = [make_user(f"admin-{name}", portal_role=Role.ADMINISTRATOR) for name in "ab"]
    others = dict(zip((user.pk for user in pair), reversed(pair), strict=True))
    checked, check = threading.Barrier(2), users._keep_one_administrator

    def check_and_wait_for_the_other(user: User) -> None:
        check(user)
        with suppress(threading.BrokenBarrierError):  # kept out meanwhile, as it should be
            checked.wait(timeout=0.5)

    def take_from_the_other(one: User) -> str:
        try:
            if act == "demote":
                users.set_portal_role(principal_for(one), others[one.pk].pk, "")
            else:
                users.set_active(principal_for(one), others[one.pk].pk, False)
        except Refused as refused:
            return refused.code
        return "done"

    monkeypatch.setattr(users, "_keep_one_administrator", check_and_wait_for_the_other)
    threads = [Thread(partial(take_from_the_other, user)) for user in pair]
    for thread in threads:
        thread.start()
    assert sorted(thread.done() for thread in threads) == ["done", "last_administrator"]
    assert User.objects.filter(is_active=True, portal_role=Role.ADMINISTRATOR).count() == 1


def test_shutting_out_ends_sessions_and_tokens(api, operator, console_for):
    browser = console_for(operator)
    make_token(operator)
    assert browser.get("/api/v1/me/").status_code == 200
    assert api.patch(f"{USERS}{operator.pk}/", {"is_active": False}).status_code == 200
    assert browser.get("/api/v1/me/").status_code == 401
    assert not ApiToken.objects.filter(user=operator).exists()


def test_a_new_one_time_password_ends_sessions(api, operator, console_for, client):
    browser = console_for(operator)
    password = api.post(f"{USERS}{operator.pk}/reset-password/").json()["one_time_password"]
    assert browser.get("/api/v1/me/").status_code == 401
    assert client.post("/account/login/", {"login": "operator", "password": PASSWORD}).status_code == 200
    assert client.post("/account/login/", {"login": "operator", "password": password}).status_code == 302


def logged_in(name: str) -> Client:
    browser = Client()
    assert browser.post("/account/login/", {"login": name, "password": PASSWORD}).status_code == 302
    return browser


def test_a_new_one_time_password_ends_sessions_and_tokens_and_says_how_many(administrator, operator, console_for):
    browsers = [logged_in("operator"), logged_in("operator")]
    make_token(operator)
    make_token(operator, expiry=timezone.now() - timedelta(days=1))
    page = console_for(administrator).post(f"/users/{operator.pk}/", {"act": "password"}).content.decode()
    assert "2 sessions and 1 API token ended." in page
    assert not ApiToken.objects.filter(user=operator).exists()
    assert [browser.get("/api/v1/me/").status_code for browser in browsers] == [401, 401]
    event = AuditEvent.objects.get(action="user.password_reset")
    assert event.data == {"sessions": 2, "tokens": 1} and "2 sessions and 1 API token ended" in event.text


def test_who_is_let_in_again_logs_in_anew(api, operator):
    browser = logged_in("operator")
    assert api.patch(f"{USERS}{operator.pk}/", {"is_active": False}).status_code == 200
    assert AuditEvent.objects.get(action="user.disable").data == {"sessions": 1, "tokens": 0}
    assert api.patch(f"{USERS}{operator.pk}/", {"is_active": True}).status_code == 200
    assert browser.get("/api/v1/me/").status_code == 401
    assert logged_in("operator").get("/api/v1/me/").status_code == 200


@pytest.mark.parametrize("lost", [{"is_active": False}, {"must_change_password": True}])
def test_no_token_comes_after_all_have_ended(operator, principal_for, lost):
    """As when one is asked for while an administrator resets the password."""
    User.objects.filter(pk=operator.pk).update(**lost)
    with pytest.raises(PermissionDenied):
        issue_token(principal_for(operator), operator, NewToken("late"))
    assert not ApiToken.objects.exists()


def test_unknown_users_are_not_found(api):
    assert api.patch(f"{USERS}999999/", {"is_active": False}).status_code == 404
    assert api.post(f"{USERS}999999/reset-password/").status_code == 404
    assert api.get(f"{USERS}999999999999999999/").status_code == 404


def test_the_console_does_the_same(administrator, stranger, console_for, client):
    browser = console_for(administrator)
    assert "stranger" in browser.get("/users/").content.decode()
    page = browser.post("/users/new/", {"username": "mate", "portal_role": "viewer"}).content.decode()
    password = page.split("<code>")[1].split("</code>")[0]
    assert client.post("/account/login/", {"login": "mate", "password": password}).status_code == 302
    refused = browser.post("/users/new/", {"username": "mate"}).content.decode()
    assert "taken" in refused
    one = f"/users/{stranger.pk}/"
    assert browser.get(one).status_code == 200
    browser.post(one, {"act": "role", "portal_role": "operator"})
    browser.post(one, {"act": "shut-out"})
    stranger.refresh_from_db()
    assert (stranger.portal_role, stranger.is_active) == ("operator", False)
    browser.post(one, {"act": "let-in"})
    assert "One-time password of stranger" in browser.post(one, {"act": "password"}).content.decode()
    stranger.refresh_from_db()
    assert stranger.is_active and stranger.must_change_password
    assert browser.post(one, {"act": "nonsense"}).status_code == 404
    kept = browser.post(f"/users/{administrator.pk}/", {"act": "shut-out"}, follow=True)
    assert "last active administrator" in kept.content.decode()


@pytest.mark.parametrize("address", [USERS, "/users/"])
def test_listing_users_costs_the_same_for_one_and_three(administrator, api, console_for, cost_of, address):
    face = api if address == USERS else console_for(administrator)
    one = cost_of(face, address)
    make_user()
    make_user()
    assert cost_of(face, address) == one <= 10


# --- the first administrator ---


def made_by_command(**options) -> str:
    out = io.StringIO()
    call_command("create_admin", stdout=out, **options)
    return out.getvalue()


def test_the_first_administrator_comes_from_the_command_line(db, client):
    text = made_by_command(one_time=True)
    password = text.split("One-time password:")[1].strip()
    assert client.post("/account/login/", {"login": "admin", "password": password}).status_code == 302
    assert client.get("/audit/")["Location"] == "/account/password/"
    assert AuditEvent.objects.filter(action="user.create", actor="system", via="command").exists()
    with pytest.raises(CommandError, match="taken"):
        made_by_command(one_time=True)


def test_a_forgotten_password_is_reset_on_the_command_line(administrator, client):
    administrator.is_active, administrator.portal_role = False, ""
    administrator.save()
    password = made_by_command(username="administrator", one_time=True, reset=True).split("password:")[1].strip()
    assert client.post("/account/login/", {"login": "administrator", "password": password}).status_code == 302
    administrator.refresh_from_db()
    assert administrator.portal_role == Role.ADMINISTRATOR
    with pytest.raises(CommandError, match="no user"):
        made_by_command(username="nobody", one_time=True, reset=True)


def test_a_password_may_be_given_on_standard_input(db, client, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    with pytest.raises(CommandError, match="at least 12"):
        made_by_command(username="given")
    assert not User.objects.exists()
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough passphrase\n"))
    assert "passphrase" not in made_by_command(username="given")
    client.post("/account/login/", {"login": "given", "password": "a long enough passphrase"})
    assert client.get("/api/v1/me/").json()["portal_role"] == "administrator"
