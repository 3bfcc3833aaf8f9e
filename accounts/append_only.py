"""Database triggers that refuse to change or delete audit events, even to raw SQL.

A later migration that rebuilds the table on SQLite loses them: call `create` at its end. The deploy checks look for
them.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "accounts_auditevent"
_REFUSAL = "audit events cannot be changed or deleted"

_SQLITE = {
    "auditevent_no_update": f"BEFORE UPDATE ON {TABLE}",
    "auditevent_no_delete": f"BEFORE DELETE ON {TABLE}",
    # INSERT OR REPLACE deletes without firing the trigger above
    "auditevent_no_replace": f"BEFORE INSERT ON {TABLE} WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id)",  # noqa: S608 - constants
}
_POSTGRESQL = {
    "auditevent_no_change": f"BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW",
    "auditevent_no_truncate": f"BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT",
}
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION auditevent_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$
"""


def create(connection: BaseDatabaseWrapper) -> None:
    """Make the triggers. Raises NotImplementedError for a database other than SQLite and PostgreSQL."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name, when in _SQLITE.items():
                cursor.execute(
                    f"CREATE TRIGGER IF NOT EXISTS {name} {when} BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
                )
        elif connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
            for name, when in _POSTGRESQL.items():
                cursor.execute(f"CREATE OR REPLACE TRIGGER {name} {when} EXECUTE FUNCTION auditevent_refuse()")
        else:
            raise NotImplementedError(f"audit events cannot be protected on {connection.vendor}")


def drop(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers away: to undo the migration, and around the flush of a test database."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name in _SQLITE:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        else:
            for name in _POSTGRESQL:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {TABLE}")


def missing(connection: BaseDatabaseWrapper) -> frozenset[str]:
    """The names of triggers that should be there and are not."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            wanted = frozenset(_SQLITE)
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE])
        else:
            wanted = frozenset(_POSTGRESQL)
            cursor.execute("SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [TABLE])
        return wanted - {str(row[0]) for row in cursor.fetchall()}
