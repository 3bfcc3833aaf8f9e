"""Telling a database that is busy or away from a statement that is wrong: one passes, the other is a fault."""

from __future__ import annotations

import sqlite3

from django.db import InterfaceError, OperationalError


class DatabaseAway(Exception):
    """A task could not do its work because the database is busy or away. Said in a line, without a traceback."""


def is_away(error: BaseException) -> bool:
    """Whether the database, and not the statement, is what failed. SQLite has one exception for both: a lock, a full
    disk, and a table that does not exist."""
    if isinstance(error, InterfaceError):
        return True
    code = getattr(error.__cause__, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return isinstance(error, OperationalError) and code & 0xFF != sqlite3.SQLITE_ERROR


def fault(error: BaseException) -> BaseException | None:
    """For a log's `exc_info`: the error if its traceback is of use, None for a database that is away."""
    return None if is_away(error) else error
