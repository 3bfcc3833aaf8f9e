"""How fast passwords may be guessed, through the forms: by one address, by many, and without keeping anybody out."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test import Client
from django.utils import timezone

import accounts
from accounts import guessing
from accounts.models import AuditEvent, LoginFailure, User
from tests.factories import PASSWORD, make_user
from tests.threads import Thread

LOGIN = "/account/login/"
HOME = "192.0.2.1"
ATTACKER = "198.51.100.7"


def at(address: str = HOME) -> Client:
    return Client(REMOTE_ADDR=address)


def log_in(browser: Client, name: str = "somebody", password: str = PASSWORD):
    return browser.post(LOGIN, {"login": name, "password": password})


def fail(browser: Client, times: int, name: str = "somebody") -> None:
    for _ in range(times):
        assert log_in(browser, name, "wrong").status_code == 200


def failures(times: int, *, name: str = "somebody", network: str = "") -> None:
    """As made by so many browsers, each at an address of its own or all at one."""
    LoginFailure.objects.bulk_create(
        LoginFailure(name=guessing._digest(name), client=network or f"203.0.113.{number}") for number in range(times)
    )


@pytest.fixture
def somebody(db) -> User:
    return make_user("somebody")


def test_one_attacker_keeps_nobody_else_out(somebody):
    attacker = at(ATTACKER)
    assert [log_in(attacker, password="wrong").status_code for _ in range(12)] == [200] * 5 + [429] * 7
    assert log_in(attacker).status_code == 429
    assert log_in(at()).status_code == 302


def test_another_port_or_name_of_the_portal_is_no_way_around(somebody, settings):
    settings.ALLOWED_HOSTS = ["*"]
    for number in range(guessing.FEW):
        at(ATTACKER).post(
            LOGIN, {"login": "somebody", "password": "wrong"}, HTTP_HOST=f"portal{number}:{8000 + number}"
        )
    assert log_in(at(ATTACKER)).status_code == 429


def test_refused_attempts_do_not_prolong_the_wait(somebody):
    fail(at(ATTACKER), guessing.FEW)
    LoginFailure.objects.update(at=timezone.now() - guessing.SHORT + timedelta(seconds=30))
    refused = log_in(at(ATTACKER))
    assert refused.status_code == 429 and 0 < int(refused["Retry-After"]) <= 30
    assert b"Try again in 1 minute." in refused.content
    LoginFailure.objects.update(at=timezone.now() - guessing.SHORT)
    assert log_in(at(ATTACKER)).status_code == 302
    assert not LoginFailure.objects.exists()


def test_guesses_from_many_addresses_are_slowed_down(somebody):
    make_user("other")
    failures(guessing.SPREAD - 1)
    fail(at(ATTACKER), 1)
    assert log_in(at("198.51.100.8")).status_code == 429
    assert log_in(at(), "other").status_code == 302
    LoginFailure.objects.update(at=timezone.now() - guessing.LONG)
    assert log_in(at("198.51.100.8")).status_code == 302


def test_a_browser_in_which_the_user_was_before_gets_in_meanwhile(somebody):
    known = at()
    log_in(known)
    known.post("/account/logout/")
    failures(guessing.SPREAD)
    failures(guessing.MANY, name="any", network=HOME)
    assert log_in(at()).status_code == 429
    assert log_in(known).status_code == 302
    known.post("/account/logout/")
    fail(known, guessing.FEW)
    assert log_in(known).status_code == 429


@pytest.mark.parametrize("cookie", ["", "1:stolen", "another user's", "changed"])
def test_only_the_users_own_browser_is_known(somebody, cookie):
    make_user("other")
    theirs, mine = at(), at()
    log_in(theirs, "other")
    log_in(mine)
    others, own = (face.cookies[guessing.COOKIE].value for face in (theirs, mine))
    browser = at()
    browser.cookies[guessing.COOKIE] = {"another user's": others, "changed": own[:-1] + "~"}.get(cookie, cookie)
    failures(guessing.SPREAD)
    assert log_in(browser).status_code == 429


def test_that_cookie_is_no_session_and_scripts_cannot_read_it(somebody):
    browser = at()
    log_in(browser)
    cookie = browser.cookies[guessing.COOKIE]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    elsewhere = at()
    elsewhere.cookies[guessing.COOKIE] = cookie.value
    assert elsewhere.get("/api/v1/me/").status_code == 401


def test_one_address_tries_only_so_many_names(somebody):
    failures(guessing.MANY - 1, name="any", network=ATTACKER)
    fail(at(ATTACKER), 1, "one more")
    assert log_in(at(ATTACKER)).status_code == 429
    assert log_in(at()).status_code == 302


@pytest.mark.parametrize(
    ("used", "same", "other"),
    [
        ("2001:db8:0:1::{}", "2001:db8:0:1:ffff::1", "2001:db8:0:2::1"),
        ("::ffff:192.0.2.4", "192.0.2.4", "::ffff:192.0.2.5"),
    ],
)
def test_a_network_of_ipv6_is_one_address(somebody, used, same, other):
    for number in range(guessing.FEW):
        fail(at(used.format(number)), 1)
    assert log_in(at(same)).status_code == 429
    assert log_in(at(other)).status_code == 302


def test_a_password_that_is_asked_again_counts_alike(somebody):
    browser = at()
    log_in(browser)
    answers = [browser.post("/account/reauthenticate/", {"password": "wrong"}).status_code for _ in range(6)]
    assert answers == [200] * guessing.FEW + [429]
    assert browser.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 429


def test_a_right_password_without_the_second_factor_is_no_failure(somebody):
    TOTP.activate(somebody, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    fail(at(), guessing.FEW - 1)
    for _ in range(guessing.FEW + 1):
        assert log_in(at())["Location"] == "/account/2fa/authenticate/"


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_only_a_few_passwords_are_compared(monkeypatch):
    make_user("somebody")
    compared: list[str] = []
    monkeypatch.setattr(User, "check_password", lambda user, password: compared.append(password))
    threads = [Thread(partial(log_in, at(ATTACKER), password=f"wrong {number}")) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.done()
    assert 0 < len(compared) <= guessing.FEW


def test_what_was_typed_as_a_name_is_kept_nowhere(somebody):
    for _ in range(guessing.FEW + 2):
        log_in(at(), "my-passw0rd-in-the-wrong-field", "x")
    kept = [str(row) for model in apps.get_models() for row in model._default_manager.values_list()]
    assert LoginFailure.objects.count() == guessing.FEW
    assert not [row for row in kept if "my-passw0rd" in row.casefold()]


def test_what_the_library_kept_goes_with_the_update(db):
    common = {"username": "a password", "ip_address": HOME, "user_agent": "x", "http_accept": "x", "path_info": "/"}
    attempt = AccessAttempt(**common, get_data="", post_data="login=a password", failures_since_start=1)
    AccessAttempt.objects.bulk_create([attempt])
    AccessFailureLog.objects.create(**common)
    AccessLog.objects.create(**common)
    (path,) = Path(accounts.__file__).parent.glob("migrations/*_login_failures.py")
    import_module(f"accounts.migrations.{path.stem}").purge(MigrationLoader(connection).project_state().apps, None)
    assert not any(model.objects.exists() for model in (AccessAttempt, AccessFailureLog, AccessLog))


def test_a_clock_that_was_set_back_keeps_nobody_out(somebody):
    fail(at(ATTACKER), guessing.FEW)
    LoginFailure.objects.update(at=timezone.now() + timedelta(days=365))
    assert log_in(at(ATTACKER)).status_code == 302


@pytest.mark.parametrize("act", ["command", "reset"])
def test_the_wait_can_be_lifted(somebody, administrator, console_for, act):
    failures(guessing.SPREAD)
    assert log_in(at()).status_code == 429
    if act == "command":
        call_command("axes_reset_username", "Somebody")
    else:
        console_for(administrator).post(f"/users/{somebody.pk}/", {"act": "password"})
    assert log_in(at()).status_code == (302 if act == "command" else 200)


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["axes_reset_username", "one"], {("two", HOME), ("two", ATTACKER)}),
        (["axes_reset_ip", HOME], {("one", ATTACKER), ("two", ATTACKER)}),
        (["axes_reset_ip_username", HOME, "one"], {("one", ATTACKER), ("two", HOME), ("two", ATTACKER)}),
        (["axes_reset"], set()),
    ],
)
def test_the_librarys_commands_lift_what_they_name(db, words, left):
    names = {guessing._digest(name): name for name in ("one", "two")}
    for name in names.values():
        for network in (HOME, ATTACKER):
            failures(1, name=name, network=network)
    call_command(*words)
    assert {(names[row.name], row.client) for row in LoginFailure.objects.all()} == left


def test_codes_of_a_second_factor_count_together_wherever_they_come_from(somebody):
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    TOTP.activate(somebody, secret)
    for number in range(11):
        browser = at(f"203.0.113.{number}")
        log_in(browser)
        browser.post("/account/2fa/authenticate/", {"code": "wrong"})
    last = at()
    log_in(last)
    code = format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
    assert b"Too many failed login attempts" in last.post("/account/2fa/authenticate/", {"code": code}).content
    assert last.get("/api/v1/me/").status_code == 401


def test_a_lockout_is_in_the_audit_log_under_a_known_name(somebody):
    fail(at(ATTACKER), guessing.FEW)
    log_in(at(ATTACKER), "SOMEBODY")
    event = AuditEvent.objects.get(action="login.locked")
    assert (event.object_label, event.remote_address) == ("somebody", ATTACKER)
