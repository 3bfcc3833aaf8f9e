"""What was refused leaves an event, and an attack on the portal leaves few."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.audit import REFUSALS, record_unknown
from accounts.models import ApiToken, AuditEvent, Role
from accounts.tally import HOUR, MOST, OTHERS, SAID, Refusal, Tally
from accounts.throttling import FailedTokens
from clusterportal import refused
from tests.factories import BACKEND, make_cluster, make_node, make_token

ME = "/api/v1/me/"
LOGIN = "/account/login/"


def told(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action).order_by("id"))


@pytest.mark.django_db
def test_what_a_role_does_not_allow_is_recorded_by_both_faces(cluster, viewer, api_for, console_for):
    assert api_for(viewer).post(f"/api/v1/clusters/{cluster.pk}/pause/", {}).status_code == 403
    assert console_for(viewer).post(f"/clusters/{cluster.pk}/pause/").status_code == 403
    by_api, by_page = told("access.denied")
    key = ApiToken.objects.get().token_key
    assert (by_api.actor, by_api.via, by_api.object_id) == ("viewer", "api", key)
    assert by_api.text.startswith(f"viewer was refused POST /api/v1/clusters/{cluster.pk}/pause/. This needs the role")
    assert (by_page.actor, by_page.via, by_page.remote_address) == ("viewer", "console", "127.0.0.1")


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/nodes/{}/", "/api/v1/nodes/{}/", "/api/v1/nodes/{}/join/"])
def test_what_is_there_and_may_not_be_seen_is_recorded(viewer, api_for, console_for, page):
    hidden = make_node(make_cluster("other"), "mx9")
    face = api_for(viewer) if page.startswith("/api/") else console_for(viewer)
    assert face.get(page.format(hidden.pk)).status_code == 404
    (event,) = told("access.hidden")
    assert event.text == f"viewer was refused GET {page.format(hidden.pk)}. It is there; they may not see it."
    for nowhere in (hidden.pk + 99, "9" * 18):
        assert face.get(page.format(nowhere)).status_code == 404
    assert len(told("access.hidden")) == 1


@pytest.mark.django_db
def test_only_administrators_read_that_something_is_hidden(viewer, administrator, console_for, api_for):
    hidden = make_node(make_cluster("other"), "mx9")
    console_for(viewer).get(f"/nodes/{hidden.pk}/")
    assert "access.hidden" in console_for(administrator).get("/audit/").content.decode()
    assert "access.hidden" not in console_for(viewer).get("/audit/").content.decode()
    assert api_for(viewer).get("/api/v1/events/?action=access.").json()["count"] == 0


@pytest.mark.django_db
def test_what_is_not_there_or_may_be_seen_is_not(cluster, viewer, console_for, client):
    node = make_node(cluster)
    for page in (f"/nodes/{node.pk}/nothing/", "/nothing/", f"/clusters/{cluster.pk}/nothing/"):
        assert console_for(viewer).get(page).status_code == 404
    assert client.get(ME).status_code == 401
    assert not AuditEvent.objects.filter(action__regex="access|token").exists()


@pytest.mark.django_db
def test_failed_tokens_are_recorded_and_never_told(viewer, client, api_for):
    row, secret = make_token(viewer)
    wrong = [secret[:-1] + ("a" if secret[-1] != "a" else "b"), "cpt_" + "f" * 60, "not a token"]
    for one in wrong:
        assert client.get(ME, headers={"Authorization": f"Bearer {one}"}).status_code == 401
    known, unknown, malformed = told("token.failed")
    assert (known.object_id, known.via, known.remote_address) == (row.token_key, "api", "127.0.0.1")
    assert (unknown.object_id, unknown.text) == ("", "Somebody failed with an unknown API token.")
    said = "".join(str(vars(event)) for event in AuditEvent.objects.all())
    assert not any(one[len(row.token_key) : 40] in said for one in wrong[:2])
    assert malformed.actor == "(unknown)"


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/account/tokens/", "/api/v1/tokens/"])
def test_a_form_without_its_security_token_is_recorded_as_its_senders(viewer, address):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(viewer, backend=BACKEND)
    reply = browser.post(address, {"name": "x"}, content_type="application/json")
    assert reply.status_code == 403
    words = reply.content.decode()
    assert "token" in words and ("reload the page" in words or "X-CSRFToken" in words)
    (event,) = told("access.denied")
    assert (event.actor, event.via) == ("viewer", "api" if "api" in address else "console")
    assert event.text.startswith(f"viewer was refused POST {address}. ") and "security token" in event.text


@pytest.mark.django_db
def test_a_stranger_whose_form_lacks_its_security_token_is_recorded_within_the_bound():
    browser = Client(enforce_csrf_checks=True)
    for _ in range(SAID + 3):
        assert browser.post(LOGIN, {"login": "viewer", "password": "hunter22"}).status_code == 403
    events = told("access.denied")
    assert len(events) == SAID
    assert (events[0].actor, events[0].remote_address) == ("(unknown)", "127.0.0.1")
    assert events[0].text.startswith(f"Somebody was refused POST {LOGIN}. ")
    assert "hunter22" not in str([vars(event) for event in events])


@pytest.mark.django_db
def test_callers_that_are_throttled_are_recorded(viewer, api_for, monkeypatch):
    monkeypatch.setattr("rest_framework.throttling.UserRateThrottle.rate", "2/min", raising=False)
    face = api_for(viewer)
    assert [face.get(ME).status_code for _ in range(SAID + 5)] == [200, 200, *[429] * (SAID + 3)]
    events = told("access.throttled")
    assert len(events) == SAID
    assert (events[0].actor, events[0].via, events[0].object_id) == ("viewer", "api", ApiToken.objects.get().token_key)
    assert events[0].text == f"viewer was refused GET {ME}. There were too many requests."


@pytest.mark.django_db
def test_an_address_whose_wrong_tokens_are_not_looked_at_any_more_is_recorded(client, monkeypatch):
    monkeypatch.setattr(FailedTokens, "rate", "1/min", raising=False)
    wrong = {"Authorization": "Bearer cpt_" + "f" * 60}
    assert [client.get(ME, headers=wrong).status_code for _ in range(3)] == [401, 429, 429]
    (event,) = told("token.throttled")
    assert (event.actor, event.via, event.remote_address) == ("(unknown)", "api", "127.0.0.1")


@pytest.mark.django_db
def test_who_tries_too_often_gets_a_page_that_says_when_to_go_on(viewer, console_for):
    face = console_for(viewer)
    replies = [face.post("/account/password/") for _ in range(6)]
    assert [reply.status_code for reply in replies[-2:]] == [200, 429]
    assert "Wait a minute" in replies[-1].content.decode() and replies[-1]["Retry-After"] == "60"
    (event,) = told("access.throttled")
    assert (event.actor, event.via) == ("viewer", "console")


@pytest.mark.django_db
def test_an_expired_token_leaves_an_event_as_it_goes(viewer, client):
    _, secret = make_token(viewer, expiry=timezone.now() - timedelta(days=1))
    assert client.get(ME, headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert [event.text for event in told("token.expire")] == ["An API token of viewer expired and was removed."]
    assert not ApiToken.objects.exists()


@pytest.mark.django_db
def test_an_attack_leaves_few_events(cluster, viewer, api_for, monkeypatch):
    face = api_for(viewer, role=Role.VIEWER)
    for _ in range(SAID + 5):
        assert face.post(f"/api/v1/clusters/{cluster.pk}/pause/", {}).status_code == 403
    assert len(told("access.denied")) == SAID
    later = REFUSALS._clock() + HOUR
    monkeypatch.setattr(REFUSALS, "_clock", lambda: later)
    record_unknown("login.failed", "A login under an unknown name failed.")
    last = told("access.denied")[-1]
    assert (last.text, last.data, last.actor) == (
        "5 more like it, within an hour, were not listed.", {"more": 5}, "viewer",
    )  # fmt: skip


@pytest.mark.django_db
def test_failed_log_ins_are_bounded_for_each_name_and_address():
    for address in ("192.0.2.1", "192.0.2.2"):
        for _ in range(SAID + 3):
            record_unknown("login.failed", "A login under an unknown name failed.", remote_address=address)
    assert len(told("login.failed")) == 2 * SAID


@pytest.mark.django_db
def test_addresses_of_one_network_count_together():
    for number in range(1, SAID + 5):
        record_unknown("token.failed", "Somebody failed.", remote_address=f"2001:db8::{number:x}")
    assert [event.remote_address for event in told("token.failed")] == [f"2001:db8::{n:x}" for n in range(1, SAID + 1)]


@pytest.mark.django_db
def test_no_answer_is_lost_where_no_event_can_be_left(cluster, viewer, api_for, monkeypatch, caplog):
    def broken(*_: object, **__: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(refused, "record_refusal", broken)
    with caplog.at_level(logging.WARNING):
        assert api_for(viewer).post(f"/api/v1/clusters/{cluster.pk}/pause/", {}).status_code == 403
    assert "could not be audited: disk full" in caplog.text


# --- the tally ---


def some(number: int) -> Refusal:
    return Refusal(f"user{number}", "api", "192.0.2.1", "access.denied")


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, HOUR)), max_size=99))
def test_what_is_said_and_what_is_summed_up_is_all_there_was(story):
    now = [0.0]
    tally, said = Tally(lambda: now[0]), 0
    for who, pause in story:
        now[0] += pause
        counted = tally.add(some(who))
        said += counted.is_said + sum(more for _, more in counted.rest)
    now[0] += HOUR
    said += sum(more for _, more in tally.add(some(9)).rest)
    assert said == len(story)


def test_the_tenth_hundredth_and_thousandth_are_said():
    tally = Tally(lambda: 0.0)
    assert [n for n in range(1, 2001) if tally.add(some(1)).is_said] == [*range(1, SAID + 1), 100, 1000]


def test_many_callers_fill_no_memory():
    tally = Tally(lambda: 0.0)
    counts = [tally.add(some(number)) for number in range(MOST + 50)]
    assert len(tally._windows) == MOST + 1
    assert Refusal(OTHERS, "api", None, "access.denied") in tally._windows
    assert sum(count.is_said for count in counts) == MOST + SAID
