"""Logins that are under way: ended by idleness, by age, and at once by whom it concerns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent
from accounts.sessions import BEGAN, USED, end_sessions
from tests.factories import PASSWORD

ME = "/api/v1/me/"
POLL = {"HX-Request": "true", "HX-Current-URL": "http://testserver/audit/?actor=x"}


@pytest.fixture
def aged() -> Callable[..., None]:
    """Let time pass for a session: `aged(browser, used=3600)`."""

    def let_pass(browser: Client, **seconds: float) -> None:
        session = browser.session
        for name, passed in seconds.items():
            session[name] -= passed
        session.save()

    return let_pass


def test_all_sessions_of_a_user_end_but_the_one_named(operator, viewer, console_for):
    mine, other, somebody_elses = console_for(operator), console_for(operator), console_for(viewer)
    assert end_sessions(operator, but=mine.session.session_key) == 1
    assert [face.get(ME).status_code for face in (mine, other, somebody_elses)] == [200, 401, 200]
    assert end_sessions(operator) == 1
    assert [face.get(ME).status_code for face in (mine, somebody_elses)] == [401, 200]
    assert list(UserSession.objects.values_list("user__username", flat=True)) == ["viewer"]
    assert end_sessions(operator) == 0


def test_a_login_has_a_new_key_and_a_logout_leaves_nothing(operator):
    browser = Client()
    browser.get("/account/login/")
    session = browser.session  # somebody else may know the key of a session from before
    session["x"] = 1
    session.save()
    before = session.session_key
    browser.cookies[settings.SESSION_COOKIE_NAME] = before
    browser.post("/account/login/", {"login": "operator", "password": PASSWORD})
    assert browser.get(ME).status_code == 200
    assert browser.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()
    browser.post("/account/logout/")
    assert not Session.objects.exists()


# --- idleness ---


def test_a_session_that_was_not_used_ends_and_says_so(operator, console_for, aged):
    browser = console_for(operator)
    aged(browser, **{USED: settings.PORTAL_IDLE})
    answer = browser.get("/audit/?actor=x")
    assert (answer.status_code, answer["Location"]) == (302, "/account/login/?next=/audit/%3Factor%3Dx")
    assert not Session.objects.exists() and not UserSession.objects.exists()
    page = browser.get(answer["Location"]).content.decode()
    assert "You were logged out after 60 minutes without use." in page
    back = browser.post(answer["Location"], {"login": "operator", "password": PASSWORD, "next": "/audit/?actor=x"})
    assert back["Location"] == "/audit/?actor=x"


def test_rest_refuses_it_too(operator, console_for, aged):
    browser = console_for(operator)
    aged(browser, **{USED: settings.PORTAL_IDLE})
    assert browser.get(ME).status_code == 401
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "headers", "counts"),
    [
        ("get", "/audit/", {}, True),
        ("post", "/theme/", {}, True),
        ("get", "/audit/", POLL, False),
        ("get", "/audit/", {**POLL, "X-Act": "1"}, True),
        ("post", "/theme/", POLL, True),
        ("get", ME, {}, False),
        ("get", "/api/v1/docs/", {}, False),
    ],
)
def test_only_what_a_person_does_keeps_it_alive(operator, console_for, aged, method, path, headers, counts):
    browser = console_for(operator)
    aged(browser, **{USED: settings.PORTAL_IDLE - 60})
    before = browser.session[USED]
    assert getattr(browser, method)(path, headers=headers).status_code < 400
    assert (browser.session[USED] > before) is counts


def test_a_session_in_use_is_written_once_a_minute(operator, console_for, aged):
    browser = console_for(operator)
    for passed, writes in ((0, 0), (50, 0), (60, 1), (0, 0)):
        aged(browser, **{USED: passed})
        with CaptureQueriesContext(connection) as queries:
            assert browser.get("/audit/").status_code == 200
        assert sum("UPDATE" in query["sql"] for query in queries) == writes, passed
    aged(browser, **{USED: -7200})  # the clock was set back
    browser.get("/audit/")
    assert browser.session[USED] < browser.session[BEGAN] + 3600


def test_a_session_ends_some_hours_after_the_login_however_much_it_is_used(operator, console_for, aged):
    browser = console_for(operator)
    aged(browser, **{BEGAN: settings.SESSION_COOKIE_AGE - 60, USED: 120})
    assert browser.get("/audit/").status_code == 200  # this writes the session, and does not move its end
    aged(browser, **{BEGAN: 60})
    answer = browser.get("/audit/")
    assert "You were logged out 12 hours after your login." in browser.get(answer["Location"]).content.decode()


def test_a_session_that_noted_nothing_is_over(operator, console_for):
    browser = console_for(operator)
    session = browser.session
    del session[BEGAN]
    session.save()
    answer = browser.get("/audit/")
    assert "You were logged out" not in browser.get(answer["Location"]).content.decode()
    assert not Session.objects.exists()


# --- the way to the login ---


@pytest.mark.parametrize(
    ("page", "after"),
    [
        ("http://testserver/jobs/1/?x=1&y=2", "/jobs/1/%3Fx%3D1%26y%3D2"),
        ("https://evil.example/jobs/", "/"),
        ("//evil.example/", "/"),
        ("", "/"),
    ],
)
def test_a_part_of_a_page_leads_the_whole_page_to_the_login(db, page, after):
    answer = Client().get("/audit/", headers={"HX-Request": "true", "HX-Current-URL": page})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["HX-Redirect"] == f"/account/login/?next={after}"
    sent = Client().post("/users/new/", headers={"Referer": page})
    assert (sent.status_code, sent["Location"]) == (302, f"/account/login/?next={after}")


# --- the key ---


def test_each_proof_of_who_one_is_gives_the_session_another_key_and_the_old_one_ends(operator, client):
    client.get("/account/login/")
    keys = [client.session.session_key]
    client.post("/account/login/", {"login": "operator", "password": PASSWORD})
    keys.append(client.session.session_key)
    assert client.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 302
    keys.append(client.session.session_key)
    assert len(set(keys)) == 3 and len(keys[-1]) == 32
    assert AuditEvent.objects.latest("id").action == "login.again"
    assert list(UserSession.objects.values_list("session_key", flat=True)) == keys[-1:]
    old = Client()
    old.cookies[settings.SESSION_COOKIE_NAME] = keys[1]
    assert old.get("/api/v1/me/").status_code == 401 and client.get("/api/v1/me/").status_code == 200
