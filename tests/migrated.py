"""The tests' own database on SQLite: migrated by the lane of a run that needs it first, copied by the others."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from django.db import connection


def once_in_a_run() -> None:
    """Have this process copy what another lane migrated. Without lanes, and on another database, nothing is shared."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None or connection.vendor != "sqlite":
        return
    create = connection.creation.create_test_db
    database = Path(connection.settings_dict["TEST"]["NAME"])
    kept = database.parents[1] / f"migrated-{run}"  # beside the lanes' folders

    def copy_or_create(**options: Any) -> str:
        with kept.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # till it is closed: while one migrates, the others wait
            if kept.exists():
                shutil.copyfile(kept, database)
                return create(**{**options, "keepdb": True})
            name = create(**options)
            _keep(kept)
        return name

    connection.creation.create_test_db = copy_or_create  # type: ignore[assignment, method-assign]


def _keep(kept: Path) -> None:
    """Through the connection that is there: whoever else in a process closes a database's file drops its locks."""
    new = kept.with_suffix(".new")
    with closing(sqlite3.connect(new)) as copy:
        connection.connection.backup(copy)
    new.replace(kept)
