"""`./run backup FILE`: the database, which holds everything but the keys, into one file, while the portal runs."""

from __future__ import annotations

import sqlite3
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from accounts import audit
from accounts.commands import PortalCommand
from accounts.principals import Principal
from nodes.vault import WrongKey, key_lines
from replication.backup.archive import (
    ArchiveManifest,
    key_name,
    private_file,
    write_archive,
)
from replication.backup.data_folder import given_path
from replication.backup.database_copy import DatabaseToolFailed, copy_database


class Command(PortalCommand):
    """Makes a backup."""

    help = "Back up the database into FILE; the keys that open it go elsewhere, with --with-keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """FILE [--with-keys KEYFILE]."""
        parser.add_argument("file")
        parser.add_argument("--with-keys", metavar="KEYFILE", help="also copy the key file; keep it apart from FILE")

    def handle(self, *, file: str, with_keys: str | None, **options: Any) -> None:
        """Make it. Refuses to write over a file."""
        target = given_path(file)
        keys = given_path(with_keys) if with_keys else None
        for path in filter(None, (target, keys)):
            if path.exists():
                raise CommandError(f"{path} exists; choose another name")
        try:
            manifest = self._write(target)
            if keys:
                _copy_keys(keys)
        except (OSError, sqlite3.Error, DatabaseToolFailed, WrongKey) as error:
            raise CommandError(f"no backup was made: {error}") from error
        audit.record(Principal(user=None, via="command"), "portal.backup", f"Backed up to {target.name}")
        self._tell(target, keys, manifest)

    def _write(self, target: Path) -> ArchiveManifest:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".clusterportal-backup-") as scratch:
            before = key_lines()
            copy = copy_database(Path(scratch))
            after = key_lines()
            # a rotation that ends meanwhile: the copy may need keys that are gone from the file by now
            describe = _describe(tuple(dict.fromkeys(after + before)))
            return write_archive(target, [(f"database/{copy.name}", copy)], describe, key=after[0])

    def _tell(self, target: Path, keys: Path | None, manifest: ArchiveManifest) -> None:
        size = target.stat().st_size
        self.stdout.write(f"Backed up {size:,} bytes to {target}")
        if keys:
            self.stdout.write(
                f"The keys are in {keys}. Keep them apart from the backup: together they open everything."
            )
        else:
            self.stdout.write(
                f"It does not open without the key file {settings.PORTAL_KEY_FILE}; keep a copy of that apart."
            )


def _describe(keys: tuple[bytes, ...]) -> ArchiveManifest:
    applied = sorted(MigrationRecorder(connection).applied_migrations())
    if not applied:
        raise CommandError(f"no backup was made: {settings.DATA_DIR} holds no portal; is CLUSTERPORTAL_DATA right?")
    return ArchiveManifest(
        made_at=timezone.now().isoformat(timespec="seconds"),
        engine=connection.vendor,
        migrations=dict(applied),
        keys=tuple(key_name(key) for key in keys),
        members={},
    )


def _copy_keys(target: Path) -> None:
    with private_file(target) as sink:
        sink.write(Path(settings.PORTAL_KEY_FILE).read_bytes())
