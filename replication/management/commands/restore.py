"""`./run restore FILE`: what `./run backup` made, back into a portal that does not run."""

from __future__ import annotations

import sqlite3
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from accounts import audit
from accounts.models import User
from accounts.principals import Principal
from nodes.vault import WrongKey, key_lines
from replication.backup.archive import (
    ArchiveManifest,
    BadArchive,
    extract,
    key_name,
    verify_archive,
)
from replication.backup.data_folder import InUse, given_path, owned
from replication.backup.database_copy import DatabaseToolFailed, put_database

STAGING = "restore.new"


class Command(BaseCommand):
    """Restores a backup."""

    help = "Restore the database from FILE, once everything in it has been verified."
    requires_system_checks: list[str] = []  # the database may not be there yet

    def add_arguments(self, parser: ArgumentParser) -> None:
        """FILE [--keys KEYFILE] [--force]."""
        parser.add_argument("file")
        parser.add_argument("--keys", metavar="KEYFILE", help="put this key file in place as well")
        parser.add_argument("--force", action="store_true", help="also over data; what is there is moved aside")

    def handle(self, *, file: str, keys: str | None, force: bool, **options: Any) -> None:
        """Verify, then put in place. What is refused changes nothing."""
        source = given_path(file)
        new_keys = given_path(keys) if keys else None
        try:
            with owned(settings.DATA_DIR):
                manifest = verify_archive(source)
                _refuse_foreign(manifest)
                _refuse_missing_keys(manifest, new_keys)
                if not force and not _is_empty():
                    raise CommandError(f"{settings.DATA_DIR} holds data; --force moves it aside and restores")
                self._restore(source, new_keys)
        except (OSError, BadArchive, InUse, WrongKey, DatabaseToolFailed, sqlite3.Error) as error:
            raise CommandError(f"nothing was restored: {error}") from error
        self.stdout.write(f"Restored what was backed up at {manifest.made_at}; every hash is equal.")

    def _restore(self, source: Path, new_keys: Path | None) -> None:
        staging = settings.DATA_DIR / STAGING
        if staging.exists():  # of a restore that was interrupted
            staging.rename(_aside(staging))
        extract(source, staging)
        connection.close()
        for path in _live_files():
            if path.exists():
                path.rename(_aside(path))
                self.stdout.write(f"Moved {path.name} aside.")
        if new_keys:
            _put_keys(new_keys)
        put_database(staging / "database")
        (staging / "manifest.json").unlink()
        for folder in ("database", ""):
            if not any((staging / folder).iterdir()):
                (staging / folder).rmdir()
        call_command("migrate", interactive=False, verbosity=0)
        audit.record(Principal(user=None, via="command"), "portal.restore", f"Restored from {source.name}")


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
    known = set(MigrationLoader(None).disk_migrations)
    newer = sorted(f"{app}.{name}" for app, name in manifest.migrations.items() if (app, name) not in known)
    if newer:
        raise BadArchive(f"it was made by a newer version ({newer[0]} is unknown here); restore with that version")


def _refuse_missing_keys(manifest: ArchiveManifest, new_keys: Path | None) -> None:
    lines = new_keys.read_bytes().splitlines() if new_keys else key_lines()
    held = {key_name(line.strip()) for line in lines}
    if not set(manifest.keys) <= held:
        where = new_keys or settings.PORTAL_KEY_FILE
        raise BadArchive(f"{where} does not hold the keys that open this backup; give their file with --keys")


def _is_empty() -> bool:
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
