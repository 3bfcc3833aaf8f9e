"""Passwords that people choose: what is guessed soon, or known elsewhere, is refused; everything else may be used."""

from __future__ import annotations

import hashlib
import random

import pytest
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError

from accounts.models import User
from accounts.passwords import NotKnownElsewhere, is_listed

GOOD = "tiger lamp forty rivers"


def codes(password: str, user: User | None = None) -> set[str]:
    try:
        validate_password(password, user)
    except ValidationError as refusal:
        return {str(error.code) for error in refusal.error_list}
    return set()


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Passw0rd1234",
        "qwertyuiop12",
        "aaaaaaaaaaaa",
        "123456789012",
        "administrator1",
        "clusterportal2026",
        "MDaemon-Portal-1",
        "localhost-portal",
        "marta.lind.2026",
    ],
)
def test_what_is_guessed_soon_is_refused(password):
    assert "password_guessed_soon" in codes(password, User(username="marta.lind", email="marta@example.org"))


@pytest.mark.parametrize(
    "password",
    [GOOD, "tigerlampfortyrivers", "тигр лампа сорок рек", "clusterportal " + GOOD, "x7$Lq!v0#zR2w", GOOD * 20],
)
def test_any_composition_and_length_may_be_used(password):
    assert codes(password, User(username="marta.lind")) == set()


def test_short_ones_are_refused():
    assert "password_too_short" in codes("x7$Lq!v0#zR")


def digest(password: str) -> str:
    return hashlib.sha1(password.encode()).hexdigest().upper()


@pytest.fixture
def listing(tmp_path):
    """A list as it is offered for download: digests with counts, sorted."""
    path = tmp_path / "known.txt"
    known = sorted(digest(f"{GOOD} {number}") for number in range(500))
    path.write_text("".join(f"{line}:{random.Random(line).randrange(1, 10**6)}\r\n" for line in known))
    return path


def test_every_listed_password_is_found_and_no_other(listing):
    assert all(is_listed(listing, digest(f"{GOOD} {number}")) for number in range(500))
    assert not any(is_listed(listing, digest(f"{GOOD} {number}")) for number in range(500, 1000))


@pytest.mark.parametrize("text", ["", "\n", "0\n" * 50, "\x00\xff" * 50, "F" * 10_000])
def test_a_list_that_is_none_holds_nothing(tmp_path, text):
    path = tmp_path / "known.txt"
    path.write_text(text)
    assert not is_listed(path, digest(GOOD))


def test_listed_passwords_are_refused_and_a_list_that_is_gone_is_told(listing):
    with pytest.raises(ValidationError, match="became known"):
        NotKnownElsewhere(str(listing)).validate(f"{GOOD} 7")
    NotKnownElsewhere(str(listing)).validate(GOOD)
    with pytest.raises(ValidationError, match="cannot be read"):
        NotKnownElsewhere(str(listing.with_name("gone"))).validate(GOOD)


def test_each_rule_is_told_and_none_where_there_is_no_list():
    assert all(password_validators_help_texts())
