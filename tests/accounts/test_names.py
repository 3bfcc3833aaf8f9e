"""User names that people could take for one another."""

# ruff: noqa: RUF001 - letters that look like others are what this is about

from __future__ import annotations

import hashlib
import json
from functools import partial
from importlib import import_module
from itertools import permutations
from pathlib import Path

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

import accounts
from accounts.models import AuditEvent, Role, User
from accounts.names import _prototypes, alike, looks_of, normalised
from accounts.users import NewUser, create_user
from tests.factories import PASSWORD, make_member, make_user
from tests.threads import Thread

USERS = "/api/v1/users/"
WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
ALIKE = [
    ("system", "SYSTEM"),
    ("system", "system".translate(WIDE)),
    ("system", "ѕystem"),  # Cyrillic dze
    ("System", "ЅУЅТЕМ"),  # Cyrillic throughout
    ("system", "systern"),
    ("bob", "ВОВ"),
    ("Bob", "b0b"),
    ("Ivan", "lvan"),
    ("admin", "admın"),
    ("admin", "аdmin"),
    ("alex", "αlex"),
    ("Straße", "STRASSE"),
    ("Ämil", "ämil"),
]
UNLIKE = [
    ("Ella", "Eila"),
    ("Müller", "Muller"),
    ("José", "Jose"),
    ("user1", "user2"),
    ("王伟", "王维"),
    ("Анна", "Анна2"),
    ("Юлия", "Юлий"),
    ("みなみ", "みなと"),
    ("محمد", "محمود"),
    ("नमन", "मनन"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_people_take_one_for_the_other(one, other):
    assert alike(one, other) and alike(other, one)


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_people_tell_them_apart(one, other):
    assert not alike(one, other)


@settings(max_examples=100)
@given(st.text(st.characters(categories=("L", "N"), include_characters="@.+-_"), max_size=20))
def test_case_and_spelling_of_a_name_do_not_matter(name):
    assert alike(name, normalised(name)) and alike(name, name.casefold())
    assert normalised(normalised(name)) == normalised(name)


def test_the_table_is_the_one_that_stored_looks_were_made_by():
    """Another version of it: write a migration that makes them anew, and its digest here."""
    table = json.dumps(sorted(_prototypes().items())).encode()
    assert hashlib.sha256(table).hexdigest() == "9aed0af7d98e6e766c7ab929d86b4d3597687ccc68880376feada11f093e0b06"


@pytest.fixture
def api(administrator, api_for):
    return api_for(administrator)


@pytest.mark.parametrize("name", ["system".translate(WIDE), "ѕystem", "ЅУЅТЕМ", "Systern"])
def test_nobody_is_called_what_looks_like_the_portal(api, name):
    refused = api.post(USERS, {"username": name})
    assert refused.status_code == 400
    assert "calls itself so" in refused.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("administrator".translate(WIDE), "taken"),
        ("ADMINISTRATOR", "taken"),
        ("аdministrator", "could take it for administrator"),
        ("adrninistrator", "could take it for administrator"),
    ],
)
def test_nobody_is_called_what_looks_like_somebody(api, name, words):
    refused = api.post(USERS, {"username": name})
    error = refused.json()["errors"][0]
    assert (refused.status_code, error["field"], error["code"]) == (400, "username", "unique")
    assert words in error["message"]
    assert User.objects.count() == 1


@pytest.mark.parametrize("name", ["王伟", "Анна", "Ελένη", "محمد", "O.Brien", "x-ray_1@lab", "Ünal"])
def test_names_of_every_script_are_welcome(api, name):
    assert api.post(USERS, {"username": name}).json()["username"] == name


def test_a_name_is_kept_in_its_one_spelling(api):
    assert api.post(USERS, {"username": "mate".translate(WIDE)}).json()["username"] == "mate"
    assert AuditEvent.objects.get(action="user.create").object_label == "mate"
    with pytest.raises(CommandError, match="could take it for mate"):
        call_command("create_admin", username="rnate", one_time=True)


def test_letters_of_full_width_are_understood_where_a_name_is_typed(viewer, cluster, api_for):
    wide = "Viewer".translate(WIDE)
    browser = Client()
    assert browser.post("/account/login/", {"login": wide, "password": "wrong"}).status_code == 200
    assert AuditEvent.objects.get(action="login.failed").object_label == "viewer"
    assert browser.post("/account/login/", {"login": wide, "password": PASSWORD}).status_code == 302
    api = api_for(make_member(cluster, Role.ADMINISTRATOR))
    member = api.put(f"/api/v1/clusters/{cluster.pk}/members/{wide.lower()}/", {"role": "operator"})
    assert member.json()["username"] == "viewer"


def test_the_database_itself_refuses_a_second_one(db):
    make_user("mate")
    for name in ("mаte", "MATE", "rnate"):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_user(name)


@pytest.mark.django_db(transaction=True)
def test_of_two_like_names_at_once_one_gets_in(administrator, principal_for):
    threads = [
        Thread(partial(create_user, principal_for(administrator), NewUser(name)))
        for name in ("mate", "mаte", "mate".translate(WIDE))
    ]
    for thread in threads:
        thread.start()
    refused = 0
    for thread in threads:
        try:
            thread.done()
        except ValidationError:
            refused += 1
    assert (refused, User.objects.count()) == (2, 2)


@pytest.mark.parametrize("order", list(permutations(["mate", "mаte", "system"])))
def test_older_names_that_are_alike_stay_and_the_oldest_keeps_its_look(db, caplog, order):
    with transaction.atomic():
        for name in order:
            User.objects.bulk_create([User(username=name)])  # as an older version left them
    (path,) = Path(accounts.__file__).parent.glob("migrations/*_looks_of_names.py")
    import_module(f"accounts.migrations.{path.stem}").forwards(apps, None)
    held = {user.username: user.look_typed for user in User.objects.all()}
    mates = [name for name in order if name != "system"]
    assert held == {mates[0]: looks_of("mate").typed, mates[1]: None, "system": None}
    assert f"{mates[1]!r} looks like that of {mates[0]!r}" in caplog.text
    assert "'system' looks like that of the portal itself" in caplog.text
