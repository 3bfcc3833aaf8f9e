"""Where passwords are typed: hidden, pasted, managed, and taken exactly as they are."""

from __future__ import annotations

import re

import pytest
from django.conf import global_settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from accounts.models import User
from clusterportal import settings as delivered

LONG = "tiger lamp forty rivers " * 6
SPACES = "  Tiger Lamp forty rivers  "


def fields_of(page: str) -> list[str]:
    return re.findall(r"<input[^>]*>", page)


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("/account/login/", {"password": "current-password"}),
        (
            "/account/password/",
            {"oldpassword": "current-password", "password1": "new-password", "password2": "new-password"},
        ),
    ],
)
def test_what_is_typed_is_hidden_and_managers_are_told_what_it_is(client, operator, console_for, address, names):
    browser = client if "login" in address else console_for(operator)
    page = browser.get(address).content.decode()
    for name, kind in names.items():
        (field,) = [field for field in fields_of(page) if f'name="{name}"' in field]
        assert 'type="password"' in field and f'autocomplete="{kind}"' in field
        assert "maxlength" not in field and "onpaste" not in field


@pytest.mark.parametrize("password", [LONG, SPACES, "Тигр Лампа сорок рек"])
def test_it_is_taken_exactly_as_it_is(client, operator, console_for, password):
    browser = console_for(operator)
    old = "correct horse battery staple"
    given = {"oldpassword": old, "password1": password, "password2": password}
    assert browser.post("/account/password/", given).status_code == 302
    for tried, lets_in in ((password[:-1], False), (password.strip().lower(), False), (password, True)):
        client.logout()
        client.post("/account/login/", {"login": "operator", "password": tried})
        assert ("_auth_user_id" in client.session) is lets_in, tried


def test_nobody_changes_a_password_without_the_present_one(operator, console_for):
    given = {"oldpassword": "guessed", "password1": LONG, "password2": LONG}
    assert console_for(operator).post("/account/password/", given).status_code == 200
    assert not User.objects.get(pk=operator.pk).check_password(LONG)


def test_they_are_kept_by_a_slow_function_with_a_salt():
    assert not hasattr(delivered, "PASSWORD_HASHERS")  # Django's own, which grow with its versions
    assert global_settings.PASSWORD_HASHERS[0].endswith(".PBKDF2PasswordHasher")
    assert (PBKDF2PasswordHasher.algorithm, PBKDF2PasswordHasher.iterations >= 600_000) == ("pbkdf2_sha256", True)
    kept = PBKDF2PasswordHasher().encode(LONG, PBKDF2PasswordHasher().salt())
    assert LONG not in kept and PBKDF2PasswordHasher().verify(LONG, kept)
