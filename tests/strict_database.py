"""What PostgreSQL refuses and SQLite takes, refused on SQLite, too: so that a test need not have both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


class NotPostgreSQL(ValueError):
    """PostgreSQL would not take this."""


@contextmanager
def as_postgresql() -> Iterator[None]:
    """In the block a NUL in a text ends a statement, also where it is written as JSON writes it."""
    with connection.execute_wrapper(_refuse):
        yield


def _refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    for value in params or ():
        if isinstance(value, str) and ("\0" in value or (value[:1] in "[{" and "\\u0000" in value)):
            raise NotPostgreSQL(sql)
    return execute(sql, params, many, context)
