"""Login, lockout, second factor, one-time passwords, as a browser sees them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.guessing import FEW
from accounts.models import AuditEvent, User
from accounts.principals import Principal
from accounts.users import ONE_TIME, NewUser, create_user
from nodes.vault import open_sealed
from tests.factories import PASSWORD, make_token, make_user

LOGIN = "/account/login/"
ME = "/api/v1/me/"


def log_in(client: Client, name: str, password: str = PASSWORD, **extra):
    return client.post(LOGIN, {"login": name, "password": password}, **extra)


def only(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    assert found, page
    return found[1]


def is_in(client: Client) -> bool:
    return client.get(ME).status_code == 200


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


@pytest.fixture
def somebody(db):
    return make_user("somebody")


def test_right_password_lets_in_and_is_audited(somebody):
    client = Client()
    assert log_in(client, "somebody").status_code == 302
    assert is_in(client)
    client.post("/account/logout/")
    assert not is_in(client)
    assert actions() == ["login.success", "login.logout"]


def test_wrong_password_says_so_without_saying_which_was_wrong(somebody):
    wrong = log_in(Client(), "somebody", "wrong").content.decode()
    unknown = log_in(Client(), "nobody", "wrong").content.decode()
    message = "The username and/or password you specified are not correct."
    assert message in wrong and message in unknown


def test_unknown_names_are_not_kept_in_the_log(somebody):
    log_in(Client(), "my-password-in-the-wrong-field", "x")
    kept = " ".join(str(row) for row in AuditEvent.objects.values_list())
    assert actions() == ["login.failed"]
    assert "my-password" not in kept


def test_after_too_many_failures_the_right_password_is_refused_with_429(somebody):
    client = Client()
    for _ in range(FEW):
        log_in(client, "somebody", "wrong")
    answer = log_in(client, "somebody")
    assert answer.status_code == 429
    assert "Too many failed logins" in answer.content.decode()
    assert not is_in(client)
    assert "login.locked" in actions()


def test_the_lockout_cannot_be_dodged_by_upper_case(somebody):
    client = Client()
    for name in ["somebody", "SOMEBODY", "Somebody", "sOmebody", "soMebody", "somEbody"]:
        log_in(client, name, "wrong")
    assert log_in(client, "someBody").status_code == 429
    assert not is_in(client)


def test_the_lockout_survives_a_lost_cache_and_spares_other_addresses(somebody):
    for _ in range(FEW):
        log_in(Client(), "somebody", "wrong")
    cache.clear()
    assert log_in(Client(), "somebody").status_code == 429
    elsewhere = Client(REMOTE_ADDR="192.0.2.9")
    assert log_in(elsewhere, "somebody").status_code == 302


def test_a_forwarded_address_from_the_client_is_not_believed(somebody):
    for number in range(FEW):
        log_in(Client(), "somebody", "wrong", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    assert log_in(Client(), "somebody", HTTP_X_FORWARDED_FOR="198.51.100.77").status_code == 429


def test_somebody_shut_out_does_not_get_in(somebody):
    somebody.is_active = False
    somebody.save()
    client = Client()
    log_in(client, "somebody")
    assert not is_in(client)


def test_login_needs_the_csrf_token(somebody):
    client = Client(enforce_csrf_checks=True)
    answer = log_in(client, "somebody")
    assert answer.status_code == 403
    assert "This page was too old" in answer.content.decode()
    page = client.get(LOGIN).content.decode()
    token = only(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    sent = client.post(LOGIN, {"login": "somebody", "password": PASSWORD, "csrfmiddlewaretoken": token})
    assert sent.status_code == 302


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "http://[", "//[", "/\\\\evil.example"])
def test_the_next_address_stays_on_this_site(somebody, address):
    form = {"login": "somebody", "password": PASSWORD, "next": address}
    assert Client().get(LOGIN, {"next": address}).status_code == 200
    assert Client().post(LOGIN, form)["Location"] == "/"
    assert Client().post(LOGIN, {**form, "password": "wrong"}).status_code == 200


# --- one-time passwords ---


def test_a_one_time_password_opens_nothing_but_the_password_page(somebody):
    somebody.must_change_password = True
    somebody.save()
    client = Client()
    log_in(client, "somebody")
    for page in ("/audit/", "/account/tokens/", "/account/2fa/", "/account/sessions/", "/admin/"):
        answer = client.get(page)
        assert (answer.status_code, answer["Location"]) == (302, "/account/password/"), page
    refused = client.get(ME)
    assert refused.status_code == 401
    assert refused.json()["code"] == "password_change_required"
    assert "one-time password" in client.get("/account/password/").content.decode()


def test_a_one_time_password_lets_in_for_three_days(administrator):
    made = create_user(Principal(user=administrator, via="console"), NewUser("newcomer"))
    assert len(made.password.replace("-", "")) == 24
    assert made.user.one_time_until is not None
    assert timedelta(days=2) < made.user.one_time_until - timezone.now() <= ONE_TIME
    client = Client()
    client.post(LOGIN, {"login": "newcomer", "password": made.password})
    assert client.get("/account/password/").status_code == 200
    client.logout()
    User.objects.filter(pk=made.user.pk).update(one_time_until=timezone.now())
    answer = client.post(LOGIN, {"login": "newcomer", "password": made.password}, follow=True)
    assert "This one-time password is too old" in answer.content.decode()
    assert "_auth_user_id" not in client.session
    assert actions()[-1] == "login.expired"


def test_a_password_of_ones_own_does_not_end(administrator):
    made = create_user(Principal(user=administrator, via="console"), NewUser("newcomer"))
    client = Client()
    client.post(LOGIN, {"login": "newcomer", "password": made.password})
    assert change(client, made.password, "tiger lamp forty rivers").status_code == 302
    made.user.refresh_from_db()
    assert made.user.one_time_until is None


def change(client: Client, old: str, new: str):
    return client.post("/account/password/", {"oldpassword": old, "password1": new, "password2": new})


def test_changing_it_opens_the_portal_and_needs_another_password(somebody):
    somebody.must_change_password = True
    somebody.save()
    client = Client()
    log_in(client, "somebody")
    same = change(client, PASSWORD, PASSWORD)
    assert "must differ" in same.content.decode()
    short = change(client, PASSWORD, "short")
    assert "at least 12" in short.content.decode()
    assert not is_in(client)
    assert change(client, PASSWORD, "another long passphrase").status_code == 302
    somebody.refresh_from_db()
    assert not somebody.must_change_password
    assert is_in(client)
    assert actions()[-1] == "user.password_change"


@pytest.mark.parametrize(("asked", "tokens"), [({}, 0), ({"end_tokens": "on"}, 1)])
def test_changing_it_ends_the_other_sessions_and_tokens_on_request(somebody, asked, tokens):
    here, there = Client(), Client()
    make_token(somebody)
    log_in(here, "somebody")
    log_in(there, "somebody")
    assert "Also end my API tokens" in here.get("/account/password/").content.decode()
    new = "another long passphrase"
    body = {"oldpassword": PASSWORD, "password1": new, "password2": new, **asked}
    assert here.post("/account/password/", body).status_code == 302
    assert is_in(here) and not is_in(there)
    assert somebody.auth_token_set.count() == 1 - tokens
    assert AuditEvent.objects.get(action="user.password_change").data == {"sessions": 1, "tokens": tokens}
    assert "1 session and" in here.get("/account/password/").content.decode()
    assert UserSession.objects.filter(user=somebody).count() == 1


# --- second factor ---


def code_for(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time())))))


@pytest.fixture
def with_factor(somebody):
    totp = TOTP.activate(somebody, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    return totp.instance


def test_the_second_factor_is_asked_before_anything_opens(somebody, with_factor):
    client = Client()
    answer = log_in(client, "somebody")
    assert answer["Location"] == "/account/2fa/authenticate/"
    assert not is_in(client)
    assert client.get("/audit/")["Location"].startswith(LOGIN)
    page = client.get("/account/2fa/authenticate/")
    assert page.status_code == 200 and 'name="code"' in page.content.decode()
    wrong = client.post("/account/2fa/authenticate/", {"code": "000000"})
    assert wrong.status_code == 200 and not is_in(client)
    right = client.post("/account/2fa/authenticate/", {"code": code_for("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")})
    assert right.status_code == 302 and is_in(client)
    assert actions()[-2:] == ["mfa.failed", "login.success"]


def test_codes_cannot_be_guessed_in_masses(somebody, with_factor):
    client = Client()
    log_in(client, "somebody")
    for number in range(15):
        client.post("/account/2fa/authenticate/", {"code": f"{number:06}"})
    client.post("/account/2fa/authenticate/", {"code": code_for("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")})
    assert not is_in(client)


def test_the_secret_of_a_second_factor_is_sealed_in_the_database(with_factor):
    stored = Authenticator.objects.get().data["secret"]
    assert "JBSWY3DP" not in stored
    assert open_sealed(stored).reveal() == "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def test_a_second_factor_is_set_up_with_a_code(somebody, django_capture_on_commit_callbacks):
    client = Client()
    log_in(client, "somebody")
    assert client.get("/account/2fa/totp/activate/")["Location"].startswith("/account/reauthenticate/")
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.get("/account/2fa/totp/activate/").content.decode()
    secret = only(r'aria-label="The secret"><code>(\w+)', page)
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post("/account/2fa/totp/activate/", {"code": code_for(secret)}).status_code == 302
    assert "10 recovery codes left" in client.get("/account/2fa/").content.decode()
    assert {row.type for row in Authenticator.objects.all()} == {"totp", "recovery_codes"}
    assert actions() == ["login.success", "login.again", "mfa.add", "mfa.add"]


def test_sessions_are_listed_and_others_can_be_ended(somebody):
    here, there = Client(), Client()
    log_in(here, "somebody")
    log_in(there, "somebody")
    assert here.get("/account/sessions/").status_code == 200
    asked = here.post("/account/sessions/")
    here.post(asked["Location"], {"password": PASSWORD})
    assert is_in(here) and not is_in(there)
