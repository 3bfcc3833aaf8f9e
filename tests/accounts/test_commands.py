"""Commands that change accounts leave events; those that go around the portal say that they ran."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.db import DatabaseError

from accounts import audit
from accounts.models import AuditEvent, Role
from clusterportal.command_line import note_command
from tests.factories import make_user
from tests.run.test_contracts import ROOT

pytestmark = pytest.mark.django_db
TYPED = "a long enough passphrase"


def run(monkeypatch, *words: str, typed: str = TYPED, **options) -> str:
    """What a command says."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n"))
    out = io.StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


def told() -> list[tuple[str, str, str]]:
    return list(AuditEvent.objects.order_by("id").values_list("action", "via", "object_label"))


def test_a_changed_password_leaves_an_event_and_keeps_the_rules(monkeypatch):
    user = make_user("astrid", portal_role=Role.VIEWER)
    with pytest.raises(CommandError, match="at least 12"):
        run(monkeypatch, "changepassword", "astrid", typed="short")
    assert told() == []
    assert run(monkeypatch, "changepassword", "astrid") == "astrid has a new password.\n"
    assert told() == [("user.password_reset", "command", "astrid")]
    user.refresh_from_db()
    assert user.check_password(TYPED)
    assert (user.portal_role, user.must_change_password) == (Role.VIEWER, False)
    password = run(monkeypatch, "changepassword", "astrid", one_time=True).split()[-1]
    user.refresh_from_db()
    assert user.check_password(password)
    assert user.must_change_password
    with pytest.raises(CommandError, match="no user 'nobody'"):
        run(monkeypatch, "changepassword", "nobody")


def test_a_superuser_is_made_by_the_rules_and_leaves_events(monkeypatch, django_user_model):
    with pytest.raises(CommandError, match="calls itself so"):
        run(monkeypatch, "createsuperuser", username="system")
    run(monkeypatch, "createsuperuser", username="root")
    assert told() == [("user.create", "command", "root"), ("user.superuser", "command", "root")]
    root = django_user_model.objects.get()
    assert (root.is_superuser, root.is_staff, root.portal_role) == (True, True, Role.ADMINISTRATOR)
    assert root.check_password(TYPED)


def test_djangos_own_commands_are_not_in_reach():
    assert {get_commands()[name] for name in ("changepassword", "createsuperuser")} == {"accounts"}


@pytest.mark.parametrize("name", ["shell", "dbshell", "loaddata", "flush", "axes_reset_username", "axes_reset"])
def test_what_goes_around_the_portal_says_that_it_ran(name):
    note_command(["manage.py", name, "secret-argument"])
    event = AuditEvent.objects.get()
    assert (event.action, event.via, event.actor) == ("portal.command", "command", "system")
    assert event.text == f"Ran the command {name}, which goes around the portal."


@pytest.mark.parametrize("words", [[], ["check"], ["migrate"], ["shell", "--help"], ["verify_audit"]])
def test_other_commands_leave_none_of_it(words):
    note_command(["manage.py", *words])
    assert told() == []


def test_a_broken_database_stops_no_shell(monkeypatch, capsys):
    def broken(*_: object) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(audit, "record", broken)
    note_command(["manage.py", "shell"])
    assert "No event could be left of shell" in capsys.readouterr().err


def test_the_door_of_commands_asks():
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", "from accounts.models import *; print('in')"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.endswith("in\n")
    assert "No event could be left of shell" in done.stderr  # the suite's own folder holds no portal
