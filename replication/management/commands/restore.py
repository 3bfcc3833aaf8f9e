"""`./run restore FILE`: what `./run backup` made, back into a portal that does not run."""

from __future__ import annotations

import shutil
import sqlite3
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from accounts import audit
from accounts.models import User
from accounts.principals import Principal
from nodes.credentials.key_rotation import KeysNeeded, seal_again
from nodes.vault import WrongKey, key_lines, lines_of, retired_lines
from replication.backup.archive import (
    ArchiveManifest,
    BadArchive,
    OpenArchive,
    key_name,
    opened,
)
from replication.backup.data_folder import InUse, given_path, owned
from replication.backup.database_copy import POSTGRES_NAME, SQLITE_NAME, DatabaseToolFailed, put_database

STAGING = "restore.new"
DATABASE_MEMBER = {"sqlite": f"database/{SQLITE_NAME}", "postgresql": f"database/{POSTGRES_NAME}"}
_OPERATOR = Principal(user=None, via="command")


class Command(BaseCommand):
    """Restores a backup."""

    help = "Restore the database from FILE, once everything in it has been verified."
    requires_system_checks: list[str] = []  # the database may not be there yet

    def add_arguments(self, parser: ArgumentParser) -> None:
        """FILE [--keys KEYFILE] [--unsealed] [--force]."""
        parser.add_argument("file")
        parser.add_argument("--keys", metavar="KEYFILE", help="put this key file in place as well")
        parser.add_argument(
            "--unsealed", action="store_true", help="also a backup without a seal, of which nothing proves whose it is"
        )
        parser.add_argument("--force", action="store_true", help="also over data; what is there is moved aside")

    def handle(self, *, file: str, keys: str | None, unsealed: bool, force: bool, **options: Any) -> None:
        """Verify, then put in place. What is refused changes nothing."""
        source = given_path(file)
        new_keys = given_path(keys) if keys else None
        try:
            held = _keys_at_hand(new_keys)
            with owned(settings.DATA_DIR), opened(source, held, unsealed=unsealed) as archive:
                _refuse_foreign(archive.manifest)
                _refuse_missing_keys(archive.manifest, held, new_keys)
                if not force and not _is_empty():
                    raise CommandError(f"{settings.DATA_DIR} holds data; --force moves it aside and restores")
                self._restore(archive, source, new_keys)
        except (OSError, BadArchive, InUse, WrongKey, DatabaseToolFailed, sqlite3.Error) as error:
            raise CommandError(f"nothing was restored: {error}") from error
        self.stdout.write(f"Restored what was backed up at {archive.manifest.made_at}; every hash is equal.")

    def _seal_again(self, manifest: ArchiveManifest) -> None:
        """What only keys open that left the key file is sealed under the newest one."""
        if set(manifest.keys) <= {key_name(key) for key in key_lines()}:
            return
        try:
            seal_again(_OPERATOR)
        except (WrongKey, KeysNeeded) as error:
            raise CommandError(f"It was restored, and some of it does not open. {error}") from error
        self.stdout.write("It was of former keys, and is sealed under the newest one now.")

    def _restore(self, archive: OpenArchive, source: Path, new_keys: Path | None) -> None:
        staging = settings.DATA_DIR / STAGING
        if staging.exists():  # of a restore that was interrupted
            staging.rename(_aside(staging))
        try:
            archive.extract(staging)
        except BadArchive:
            shutil.rmtree(staging)
            raise
        connection.close()
        for path in _live_files():
            if path.exists():
                path.rename(_aside(path))
                self.stdout.write(f"Moved {path.name} aside.")
        if new_keys:
            _put_keys(new_keys)
        put_database(staging / "database")
        for folder in ("database", ""):
            if not any((staging / folder).iterdir()):
                (staging / folder).rmdir()
        call_command("migrate", interactive=False, verbosity=0)
        audit.record(_OPERATOR, "portal.restore", f"Restored from {source.name}")
        self._seal_again(archive.manifest)


def _live_files() -> list[Path]:
    if connection.vendor != "sqlite":
        return []
    name = str(connection.settings_dict["NAME"])
    return [Path(name + ending) for ending in ("", "-wal", "-shm")]


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.before-restore-{timezone.now():%Y%m%dT%H%M%S%f}")


def _refuse_foreign(manifest: ArchiveManifest) -> None:
    if manifest.engine != connection.vendor:
        raise BadArchive(f"it is a backup of {manifest.engine}; this portal uses {connection.vendor} (DATABASE_URL)")
    if DATABASE_MEMBER[connection.vendor] not in manifest.members:
        raise BadArchive("it holds no database")
    known = set(MigrationLoader(None).disk_migrations)
    newer = sorted(f"{app}.{name}" for app, name in manifest.migrations.items() if (app, name) not in known)
    if newer:
        raise BadArchive(f"it was made by a newer version ({newer[0]} is unknown here); restore with that version")


def _keys_at_hand(new_keys: Path | None) -> tuple[bytes, ...]:
    """The keys that shall open it, and those that left the portal's key file. Raises WrongKey, BadArchive, OSError."""
    lines = lines_of(new_keys.read_bytes()) if new_keys else key_lines()
    for line in lines:
        try:
            Fernet(line)
        except ValueError as error:
            raise BadArchive(f"{new_keys or settings.PORTAL_KEY_FILE} is no key file") from error
    return lines + retired_lines()


def _refuse_missing_keys(manifest: ArchiveManifest, held: Sequence[bytes], new_keys: Path | None) -> None:
    if not set(manifest.keys) <= {key_name(key) for key in held}:
        where = new_keys or settings.PORTAL_KEY_FILE
        raise BadArchive(f"{where} does not hold the keys that open this backup; give their file with --keys")


def _is_empty() -> bool:
    files = _live_files()
    if files and not files[0].exists():
        return True  # without asking, which would make it
    try:
        return not User.objects.exists()
    except DatabaseError:
        return True


def _put_keys(source: Path) -> None:
    target = Path(settings.PORTAL_KEY_FILE)
    data = source.read_bytes()
    if target.exists() and target.read_bytes() != data:
        target.rename(_aside(target))
    target.touch(mode=0o600)
    target.write_bytes(data)
