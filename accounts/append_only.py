"""Database triggers that refuse to change or delete audit events and their links, even to raw SQL.

A later migration that rebuilds a table on SQLite loses them: call `create` at its end. The deploy checks and the daily
verification look for them.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.backends.base.base import BaseDatabaseWrapper

EVENTS = "accounts_auditevent"
LINKS = "accounts_auditlink"
TABLES = (EVENTS, LINKS)
_REFUSAL = "audit events cannot be changed or deleted"
_SAME = {EVENTS: "id = NEW.id", LINKS: "position = NEW.position OR event_id = NEW.event_id"}
"""Which rows an INSERT OR REPLACE would take the place of."""

_FUNCTION = f"""
CREATE OR REPLACE FUNCTION auditevent_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$
"""


def _on_sqlite(table: str) -> dict[str, str]:
    name = table.removeprefix("accounts_")
    return {
        f"{name}_no_update": f"BEFORE UPDATE ON {table}",
        f"{name}_no_delete": f"BEFORE DELETE ON {table}",
        # INSERT OR REPLACE deletes without firing the trigger above
        f"{name}_no_replace": f"BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {_SAME[table]})",  # noqa: S608 - constants
    }


def _on_postgresql(table: str) -> dict[str, str]:
    name = table.removeprefix("accounts_")
    return {
        f"{name}_no_change": f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW",
        f"{name}_no_truncate": f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
    }


def create(connection: BaseDatabaseWrapper, tables: Collection[str] = TABLES) -> None:
    """Make the triggers. Raises NotImplementedError for a database other than SQLite and PostgreSQL."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name, when in _all(connection, tables).items():
                cursor.execute(
                    f"CREATE TRIGGER IF NOT EXISTS {name} {when} BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
                )
        elif connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
            for name, when in _all(connection, tables).items():
                cursor.execute(f"CREATE OR REPLACE TRIGGER {name} {when} EXECUTE FUNCTION auditevent_refuse()")
        else:
            raise NotImplementedError(f"audit events cannot be protected on {connection.vendor}")


def drop(connection: BaseDatabaseWrapper, tables: Collection[str] = TABLES) -> None:
    """Take the triggers away: to undo a migration, and around the flush of a test database."""
    with connection.cursor() as cursor:
        for table in tables:
            for name in _all(connection, [table]):
                on = f" ON {table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")


def missing(connection: BaseDatabaseWrapper, tables: Collection[str] = TABLES) -> frozenset[str]:
    """The names of triggers that should be there and are not."""
    there: set[str] = set()
    with connection.cursor() as cursor:
        for table in tables:
            if connection.vendor == "sqlite":
                cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table])
            else:
                # one that was switched off is not there
                cursor.execute(
                    "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal"
                    " AND tgenabled IN ('O', 'A')",
                    [table],
                )
            there |= {str(row[0]) for row in cursor.fetchall()}
    return frozenset(_all(connection, tables)) - there


def _all(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, str]:
    of = _on_sqlite if connection.vendor == "sqlite" else _on_postgresql
    return {name: when for table in tables for name, when in of(table).items()}
