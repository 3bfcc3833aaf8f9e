"""The shape of a command that removes what is old from the object store."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any, Protocol

from django.core.management.base import CommandError

from accounts.commands import PortalCommand
from accounts.principals import Principal
from nodes.vault import WrongKey
from replication.objects import Removed, StoreError


class Remove(Protocol):
    """What such a command calls. Raises StoreError, WrongKey and ValueError, and has removed nothing then."""

    def __call__(self, principal: Principal, *, older_than: timedelta, dry_run: bool) -> Removed:
        """Remove what was not used for so long."""
        ...


class RemovalCommand(PortalCommand):
    """Asks for an age and whether to remove; a subclass says what (`remove`) and how old by default (`days`)."""

    days: float
    remove: Remove

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        default = f"unused for so many days (default: {self.days:g}); what was used in the last hour always stays"
        parser.add_argument("--days", type=float, default=self.days, help=default)
        parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")

    def handle(self, *args: Any, **options: Any) -> None:
        """Remove, or say what would be removed."""
        days, dry_run = options["days"], options["dry_run"]
        if not 0 <= days <= 36_500:
            raise CommandError("--days must be 0 to 36500.")
        me = Principal(user=None, via="command")
        try:
            removed = self.remove(me, older_than=timedelta(days=days), dry_run=dry_run)
        except (StoreError, WrongKey, ValueError) as error:
            raise CommandError(f"Nothing was removed. {error}") from error
        verb = "would be" if dry_run else "were"
        self.stdout.write(f"Stored objects that {verb} removed: {removed.objects:,}, of {removed.bytes:,} bytes.")
