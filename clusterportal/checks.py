"""What must hold where the portal really runs: `manage.py check --deploy`, part of `./run check`."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, connection

from accounts import append_only
from nodes.vault import WrongKey, key_lines

_OLDEST_SQLITE = (3, 35, 0)  # RETURNING, and the fixes of WAL that several writers need
_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def _open_to_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


def _key_file() -> Iterator[CheckMessage]:
    path = Path(settings.PORTAL_KEY_FILE)
    try:
        key_lines()
    except WrongKey as error:
        yield Error(str(error), hint="./run makes one for a new portal.", id="clusterportal.E001")
        return
    if _open_to_others(path):
        yield Error("Others can read the key file.", hint=f"chmod 600 {path}", id="clusterportal.E002")


def _data_folder() -> Iterator[CheckMessage]:
    folder = Path(settings.DATA_DIR)
    if not folder.is_dir():
        yield Error("The data folder is missing.", hint="Set CLUSTERPORTAL_DATA.", id="clusterportal.E003")
    elif _open_to_others(folder):
        yield Error("Others can look into the data folder.", hint=f"chmod 700 {folder}", id="clusterportal.E004")


def _mode() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error("Debugging is on.", hint="Unset CLUSTERPORTAL_DEBUG.", id="clusterportal.E005")
    if "*" in settings.ALLOWED_HOSTS:
        hint = "Name the portal's host names in CLUSTERPORTAL_HOSTS."
        yield Error("Every host name is accepted.", hint=hint, id="clusterportal.E006")
    if not settings.SESSION_COOKIE_SECURE:
        hint = "Set CLUSTERPORTAL_TLS=true once the portal is reached by https."
        yield Warning("Cookies also travel over plain http.", hint=hint, id="clusterportal.W001")


def _links() -> Iterator[CheckMessage]:
    """Whether what passes between the portal's own parts can be read on the way."""
    database = settings.DATABASES["default"]
    encrypted = database.get("OPTIONS", {}).get("sslmode") in _ENCRYPTED
    if connection.vendor == "postgresql" and _is_elsewhere(database.get("HOST", "")) and not encrypted:
        hint = "Add ?sslmode=verify-full to DATABASE_URL."
        yield Warning("What passes to the database may not be encrypted.", hint=hint, id="clusterportal.W002")
    broker = urlsplit(settings.REDIS_URL)
    if broker.scheme == "redis" and _is_elsewhere(broker.hostname or ""):
        yield Warning("What passes to the broker is not encrypted.", hint="Use rediss://.", id="clusterportal.W003")


def _is_elsewhere(host: str) -> bool:
    """Whether a host is another machine; a path or nothing is a socket of this one."""
    return bool(host) and not host.startswith("/") and host not in _THIS_MACHINE


def _sqlite() -> Iterator[CheckMessage]:
    if connection.vendor == "sqlite" and sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        text = f"SQLite {sqlite3.sqlite_version} is too old."
        yield Error(text, hint="Use a newer Python, or PostgreSQL by DATABASE_URL.", id="clusterportal.E007")


@register(Tags.security, deploy=True)
def check_installation(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Files, modes, links, versions."""
    return [*_key_file(), *_data_folder(), *_mode(), *_links(), *_sqlite()]


@register(Tags.database, deploy=True)
def check_audit_log(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The database still refuses to change audit events. Runs with `check --database default`."""
    if not databases:
        return []
    try:
        there = set(append_only.TABLES) & set(connection.introspection.table_names())
        lost = append_only.missing(connection, there)
    except DatabaseError:
        return [Error("The database does not answer.", id="clusterportal.E008")]
    if lost:
        hint = "A migration rebuilt the table; call accounts.append_only.create in a new one."
        return [Error(f"Audit events are unprotected: {', '.join(sorted(lost))}.", hint=hint, id="clusterportal.E009")]
    return []
