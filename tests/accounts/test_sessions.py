"""Logins that are under way: ended by idleness, by age, and at once by whom it concerns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from allauth.account import app_settings
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.devices import device
from accounts.guessing import FEW
from accounts.models import AuditEvent, Role
from accounts.sessions import BEGAN, USED, end_sessions
from replication.tasks import run_retention
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
    before = session.session_key or ""
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


def test_a_page_that_renews_itself_finds_it_over_and_goes_to_the_login(operator, console_for, aged):
    browser = console_for(operator)
    aged(browser, **{USED: settings.PORTAL_IDLE})
    answer = browser.get("/audit/", headers=POLL)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, "/account/login/?next=/audit/%3Factor%3Dx")
    assert "60 minutes without use" in browser.get(answer["HX-Redirect"]).content.decode()


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


def test_a_session_that_began_in_a_time_to_come_is_over(operator, console_for, aged):
    slightly, far = console_for(operator), console_for(operator)
    aged(slightly, began=-30, used=-30)
    aged(far, began=-86400, used=-86400)
    assert [face.get(ME).status_code for face in (slightly, far)] == [200, 401]


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


# --- seen and ended by whom they concern ---

OWN = "/api/v1/sessions/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15; K) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5 <script>", "Unknown"),
        ("", "Unknown"),
    ],
)
def test_a_browser_in_words(agent, words):
    assert device(agent) == words


def test_own_sessions_are_listed_with_the_present_one_marked(operator, viewer, console_for, aged):
    here, there = console_for(operator), Client(REMOTE_ADDR="192.0.2.9", HTTP_USER_AGENT=FIREFOX)
    there.post("/account/login/", {"login": "operator", "password": PASSWORD})
    console_for(viewer)
    aged(there, **{USED: 600, BEGAN: 900})
    first, second = here.get(OWN).json()["results"]
    assert first["current"] and not second["current"]
    assert (second["device"], second["address"], second["user_agent"]) == ("Firefox on Windows", "192.0.2.9", FIREFOX)
    began, used = (datetime.fromisoformat(second[name]) for name in ("began", "used"))
    assert (used - began).total_seconds() == 300
    keys = Session.objects.values_list("session_key", flat=True)
    assert not any(key in here.get(OWN).content.decode() for key in keys)
    page = here.get("/account/sessions/").content.decode()
    assert "Firefox on Windows" in page and "192.0.2.9" in page and page.count("This one") == 1


def test_what_is_over_is_not_listed(operator, console_for, aged):
    here, idle, stale = console_for(operator), console_for(operator), console_for(operator)
    aged(idle, **{USED: settings.PORTAL_IDLE})
    session = stale.session
    session["_auth_user_hash"] = "of the password before"
    session.save()
    assert [row["current"] for row in here.get(OWN).json()["results"]] == [True]


def prove(browser: Client) -> Client:
    assert browser.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 302
    return browser


def test_ending_them_on_the_page_wants_the_password_again(operator, console_for):
    here, there = console_for(operator), console_for(operator)
    asked = here.post("/account/sessions/")
    assert asked["Location"] == "/account/reauthenticate/?next=%2Faccount%2Fsessions%2F"
    assert here.post(asked["Location"], {"password": "wrong"}).status_code == 200
    assert there.get(ME).status_code == 200
    done = here.post(asked["Location"], {"password": PASSWORD})
    assert done["Location"] == "/account/sessions/"
    assert [face.get(ME).status_code for face in (here, there)] == [200, 401]


def test_ending_them_by_rest_from_a_session_wants_the_password_again(operator, console_for):
    here, there = console_for(operator), console_for(operator)
    one = {row["current"]: row["id"] for row in here.get(OWN).json()["results"]}[False]

    def tries() -> list[tuple[int, str]]:
        answers = [here.delete(f"{OWN}{one}/"), here.post(f"{OWN}end-others/")]
        return [(answer.status_code, answer.json()["code"]) for answer in answers]

    assert tries() == [(403, "reauthenticate")] * 2
    prove(here)
    session = here.session
    session["account_authentication_methods"][-1]["at"] -= app_settings.REAUTHENTICATION_TIMEOUT
    session.save()
    assert tries() == [(403, "reauthenticate")] * 2
    assert there.get(ME).status_code == 200
    assert prove(here).delete(f"{OWN}{one}/").status_code == 204
    assert there.get(ME).status_code == 401


def test_who_fails_to_prove_who_they_are_is_in_the_audit_log_and_waits(operator, console_for):
    browser = console_for(operator)
    before = AuditEvent.objects.latest("id").pk
    answers = [browser.post("/account/reauthenticate/", {"password": "wrong"}).status_code for _ in range(FEW + 1)]
    assert answers == [200] * FEW + [429]
    events = AuditEvent.objects.filter(pk__gt=before).order_by("pk")
    found = events.values_list("action", "object_label", "remote_address")
    assert [*found[:FEW]] == [("login.failed", "operator", "127.0.0.1")] * FEW
    assert ("login.locked", "operator", "127.0.0.1") in found


def test_one_is_ended_at_once_and_the_act_is_audited(operator, viewer, console_for):
    here, there, somebody_elses = prove(console_for(operator)), console_for(operator), console_for(viewer)
    ids = {row["current"]: row["id"] for row in here.get(OWN).json()["results"]}
    theirs = somebody_elses.get(OWN).json()["results"][0]["id"]
    assert here.delete(f"{OWN}{theirs}/").status_code == 404
    assert here.post("/account/sessions/", {"session": theirs}).status_code == 404
    assert here.post("/account/sessions/", {"session": "x"}).status_code == 404
    assert here.delete(f"{OWN}{ids[False]}/").status_code == 204
    assert [face.get(ME).status_code for face in (here, there, somebody_elses)] == [200, 401, 200]
    event = AuditEvent.objects.get(action="session.end")
    assert (event.actor, event.data) == ("operator", {"sessions": 1})
    assert event.text == "operator ended 1 session of operator."
    assert here.delete(f"{OWN}{ids[True]}/").status_code == 204
    assert here.get(ME).status_code == 401


def test_all_others_are_ended(operator, console_for, api_for):
    here, there, third = (prove(console_for(operator)) for _ in range(3))
    ids = {row["current"]: row["id"] for row in here.get(OWN).json()["results"]}
    here.post("/account/sessions/", {"session": ids[False]})
    assert sorted(face.get(ME).status_code for face in (there, third)) == [200, 401]
    assert here.post(f"{OWN}end-others/").json() == {"ended": 1}
    assert [face.get(ME).status_code for face in (here, there, third)] == [200, 401, 401]
    assert api_for(operator, role=Role.OPERATOR).post(f"{OWN}end-others/").json() == {"ended": 1}
    assert here.get(ME).status_code == 401


def test_a_token_that_may_less_than_its_owner_sees_and_ends_none(operator, cluster, console_for, api_for):
    browser = console_for(operator)
    for narrow in ({"role": Role.VIEWER}, {"role": Role.OPERATOR, "cluster_ids": [cluster.pk]}):
        api = api_for(operator, **narrow)
        assert [api.get(OWN).status_code, api.post(f"{OWN}end-others/").status_code] == [403, 403]
        assert api.delete(f"{OWN}{UserSession.objects.get().pk}/").status_code == 403
    assert browser.get(ME).status_code == 200


def test_administrators_see_and_end_those_of_any_user(administrator, operator, viewer, console_for, api_for):
    theirs, boss = console_for(operator), console_for(administrator)
    api, one = api_for(administrator), f"/api/v1/users/{operator.pk}/"
    assert [row["current"] for row in api.get(f"{one}sessions/").json()["results"]] == [False]
    for user in (operator, viewer):
        assert api_for(user).get(f"{one}sessions/").status_code == 403
        assert api_for(user).post(f"{one}end-sessions/").status_code == 403
    assert api.post(f"{one}end-sessions/").json() == {"ended": 1}
    assert theirs.get(ME).status_code == 401
    event = AuditEvent.objects.get(action="session.end")
    assert (event.actor, event.object_label, event.data) == ("administrator", "operator", {"sessions": 1})
    assert api.post("/api/v1/users/999999/end-sessions/").status_code == 404
    theirs = console_for(operator)
    page = f"/users/{operator.pk}/"
    assert "End all" in boss.get(page).content.decode()
    boss.post(page, {"act": "sessions"})
    assert theirs.get(ME).status_code == 401 and "End all" not in boss.get(page).content.decode()


@pytest.mark.parametrize("others", [0, 2])
def test_listing_sessions_costs_the_same_for_one_and_three(administrator, operator, console_for, cost_of, others):
    boss, browser = console_for(administrator), console_for(operator)
    for _ in range(others):
        console_for(operator)
    assert cost_of(browser, OWN) == 4
    assert cost_of(browser, "/account/sessions/") == 7
    assert cost_of(boss, f"/users/{operator.pk}/") == 8


def test_the_daily_turn_removes_what_is_over(operator, console_for):
    alive, over, gone = (console_for(operator).session.session_key for _ in range(3))
    Session.objects.filter(session_key=over).update(expire_date=timezone.now() - timedelta(seconds=1))
    Session.objects.filter(session_key=gone).delete()
    run_retention()
    assert list(Session.objects.values_list("session_key", flat=True)) == [alive]
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [alive]
