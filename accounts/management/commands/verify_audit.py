"""`manage.py verify_audit`: whether the audit log is what it was."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.chain import Head, verify


class Command(BaseCommand):
    """Goes through the whole chain and changes nothing."""

    help = "Verify the audit log; status 1, and the first event that does not fit, where it was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """[--expect HASH]..."""
        parser.add_argument(
            "--expect", action="append", default=[], metavar="HASH", help="a hash kept elsewhere that must be in it"
        )

    def handle(self, *, expect: list[str], **options: Any) -> None:
        """Prints the newest hash. Raises CommandError at the first break."""
        head, found = verify([given.strip().lower() for given in expect])
        if found is not None:
            raise CommandError(f"The audit log is broken. {found.text}")
        self.stdout.write(f"The audit log is whole: {_counted(head)}.\nNewest hash: {head.digest}")


def _counted(head: Head) -> str:
    return "1 event" if head.length == 1 else f"{head.length:,} events"
