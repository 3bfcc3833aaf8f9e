"""`manage.py verify_audit`: whether the audit log is what it was."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from accounts.chain import acknowledge, chain_now, verify
from accounts.commands import PortalCommand
from accounts.errors import Refused
from accounts.management.passwords import COMMAND


class Command(PortalCommand):
    """Goes through the whole chain; changes nothing unless a break is acknowledged."""

    help = "Verify the audit log; status 1, and the first event that does not fit, where it was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """[--expect HASH]... | --acknowledge REASON."""
        parser.add_argument(
            "--expect", action="append", default=[], metavar="HASH", help="a hash kept elsewhere that must be in it"
        )
        parser.add_argument(
            "--acknowledge", default="", metavar="REASON", help="go on after a break: verify from the present end on"
        )

    def handle(self, *, expect: list[str], acknowledge: str, **options: Any) -> None:
        """Prints the newest hash. Raises CommandError at the first break."""
        if acknowledge.strip():
            self._go_on(acknowledge.strip())
            return
        head, found = verify([given.strip().lower() for given in expect])
        if found is not None:
            raise CommandError(f"The audit log is broken. {found.text}")
        start = chain_now().start
        since = f" after link {start:,}, where a break was acknowledged" if start else ""
        self.stdout.write(f"The audit log is whole{since}: {head.counted}.\nNewest hash: {head.digest}")

    def _go_on(self, reason: str) -> None:
        try:
            end = acknowledge(COMMAND, reason)
        except Refused as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write(f"Acknowledged: verified from here on, {end.counted}.\nNewest hash: {end.digest}")
