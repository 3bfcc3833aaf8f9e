"""A management command that cannot work says in a line why, and what helps; a fault keeps its traceback."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands, load_command_class
from django.db import OperationalError, connection

from accounts.commands import DATA_FOLDER
from clusterportal.command_line import said_in_a_line
from clusterportal.env import Env
from tests.run.test_backup import Portal


def complaint(portal: Portal, *words: str) -> str:
    """The one line that a command ends with."""
    done = portal.run(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    return done.stderr


TOKEN = ("create_token", "--username", "admin", "--name", "program")


@pytest.mark.parametrize("words", [TOKEN, ("node_selftest", "mx1"), ("purge_secrets",)], ids=lambda words: words[0])
def test_a_data_folder_without_a_database_is_named(tmp_path: Path, words: tuple[str, ...]) -> None:
    said = complaint(Portal(tmp_path / "other"), *words)
    assert f"The database {tmp_path}/other/portal.sqlite3 holds no portal." in said
    assert f"Is CLUSTERPORTAL_DATA ({tmp_path}/other) right?" in said


def test_a_data_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "one")
    portal.folder = tmp_path / "other"
    said = complaint(portal, *TOKEN)
    assert f"is in {tmp_path}/other/keys/django.key. Is CLUSTERPORTAL_DATA the portal's data folder?" in said


def test_of_no_portal_no_backup_is_made(tmp_path: Path) -> None:
    said = complaint(Portal(tmp_path / "other"), "backup", str(tmp_path / "copy"))
    assert f"no backup was made: {tmp_path}/other holds no portal" in said
    assert not (tmp_path / "copy").exists()


def test_a_database_that_is_none_is_named(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "other")
    (portal.folder / "portal.sqlite3").write_text("not a database at all, whatever its name says\n" * 99)
    assert "portal.sqlite3 cannot be used: file is not a database." in complaint(portal, *TOKEN)


def test_a_database_of_an_older_version_is_named(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "other")
    with sqlite3.connect(portal.folder / "portal.sqlite3") as old:
        old.execute("CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app TEXT, name TEXT, applied TEXT)")
        old.execute("INSERT INTO django_migrations VALUES (1, 'accounts', '0001_initial', '2026-01-01')")
    old.close()
    said = complaint(portal, *TOKEN)
    assert "is of an older version" in said and "./run manage migrate" in said


def test_the_portals_commands_check_its_data_and_not_its_pages() -> None:
    own = {name: app for name, app in get_commands().items() if app in {"accounts", "nodes", "replication"}}
    assert {"create_admin", "node_selftest", "backup"} <= set(own)
    for name, app in own.items():
        assert set(load_command_class(app, name).requires_system_checks) <= {DATA_FOLDER}, name


def test_a_database_server_that_is_away_is_named() -> None:
    away = OperationalError("connection failed: refused\nIs the server running?")
    with pytest.raises(SystemExit) as ended, said_in_a_line():
        raise away
    assert "cannot be used: connection failed: refused. Is " in str(ended.value)


@pytest.mark.django_db
def test_a_fault_keeps_its_traceback() -> None:
    with pytest.raises(OperationalError, match="nowhere"), said_in_a_line(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere")


def test_a_key_that_cannot_be_read_says_why(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("CLUSTERPORTAL_SECRET_KEY", raising=False)
    monkeypatch.delenv("CLUSTERPORTAL_SECRET_KEY_FILE", raising=False)
    with pytest.raises(ImproperlyConfigured, match="cannot be read: File name too long"):
        Env().secret("CLUSTERPORTAL_SECRET_KEY", tmp_path / ("x" * 300))
