"""A consistent copy of the database while the portal runs, and the way back: SQLite by its own backup, PostgreSQL by
pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from django.db import connection

SQLITE_NAME = "portal.sqlite3"
POSTGRES_NAME = "portal.pgdump"


class DatabaseToolFailed(Exception):
    """pg_dump or pg_restore is missing or failed; the text has its last words."""


def copy_database(folder: Path) -> Path:
    """Write a copy into `folder`; returns its path. Raises DatabaseToolFailed, OSError, sqlite3.Error."""
    if connection.vendor == "sqlite":
        return _copy_sqlite(folder / SQLITE_NAME)
    target = folder / POSTGRES_NAME
    _run_tool(["pg_dump", "--format=custom", "--no-owner", f"--file={target}"])
    return target


def put_database(folder: Path) -> None:
    """Put the copy from `folder` in the database's place. Raises as `copy_database`."""
    connection.close()
    if connection.vendor == "sqlite":
        live = Path(connection.settings_dict["NAME"])
        (folder / SQLITE_NAME).replace(live)
    else:
        _run_tool(["pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error",
                   f"--dbname={connection.settings_dict['NAME']}", str(folder / POSTGRES_NAME)])  # fmt: skip


def _copy_sqlite(target: Path) -> Path:
    source = sqlite3.connect(connection.settings_dict["NAME"])
    copy = sqlite3.connect(target)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
    finally:
        copy.close()
        source.close()
    return target


def _run_tool(argv: list[str]) -> None:
    program = shutil.which(argv[0])
    if program is None:
        raise DatabaseToolFailed(f"{argv[0]} was not found. Run: apt-get install postgresql-client")
    settings = connection.settings_dict
    # by environment: an argument list is everybody's to read
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    given = {name: str(settings[key]) for name, key in names.items() if settings.get(key)}
    done = subprocess.run(
        [program, *argv[1:]], env={**os.environ, **given}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DatabaseToolFailed(f"{argv[0]} failed: {done.stderr.strip()[-500:]}")
