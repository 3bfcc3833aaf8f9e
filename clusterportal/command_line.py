"""What keeps any program of the portal from working at all, said in a line: settings, and a database that is none."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import NoReturn

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from accounts.database import is_away


@contextmanager
def said_in_a_line() -> Iterator[None]:
    """Ends the program with a line and status 1 where a setting is wrong, or the database is away, empty or of another
    version. Whatever else is raised is a fault and keeps its traceback."""
    try:
        yield
    except ImproperlyConfigured as error:
        _end(str(error))
    except DatabaseError as error:
        if text := _trouble(error):
            _end(text)
        raise


AROUND = ("axes_reset", "clearsessions", "dbshell", "flush", "loaddata", "shell", "account_unset")
"""How commands of others begin that change accounts, or anything, without the portal's services."""


def note_command(words: Sequence[str]) -> None:
    """Leave an event of a command that goes around the portal; arguments may hold secrets, and stay out. It runs also
    where none can be left."""
    name = words[1] if len(words) > 1 else ""
    if not name.startswith(AROUND) or {"-h", "--help"} & set(words):
        return
    django.setup()
    audit = import_module("accounts.audit")
    principals = import_module("accounts.principals")
    try:
        who = principals.Principal(user=None, via="command")
        audit.record(who, "portal.command", f"Ran the command {name}, which goes around the portal.")
    except DatabaseError as error:
        sys.stderr.write(f"No event could be left of {name}: {_unusable(error)}\n")


def _end(text: str) -> NoReturn:
    sys.exit(" ".join(text.split()))


def _trouble(error: DatabaseError) -> str:
    """Why the database cannot answer, and what to do; "" where it should have."""
    if is_away(error):
        return _unusable(error)
    try:
        migrations = MigrationLoader(connection)
    except DatabaseError as unreadable:
        return _unusable(unreadable)
    where, setting = _place()
    if not migrations.applied_migrations:
        return f"{where} holds no portal. Is {setting} right? ./run up makes the database of a new portal."
    if migrations.disk_migrations.keys() - migrations.applied_migrations.keys():
        return f"{where} is of an older version. Make a backup, then: ./run manage migrate (./run up does it, too)."
    return ""


def _unusable(error: DatabaseError) -> str:
    where, setting = _place()
    reason = str(error).partition("\n")[0].rstrip(".")
    return f"{where} cannot be used: {reason}. Is {setting} right, and is it there and open to this user?"


def _place() -> tuple[str, str]:
    """Which database it is, and the setting that says so."""
    own = connection.vendor == "sqlite"
    setting = f"CLUSTERPORTAL_DATA ({settings.DATA_DIR})" if own else "DATABASE_URL"
    return f"The database {connection.settings_dict['NAME']}", setting
