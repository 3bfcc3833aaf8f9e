"""`manage.py rotate_keys`: a new master key, and everything sealed again under it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.commands import PortalCommand
from accounts.principals import Principal
from nodes.credentials import key_rotation
from nodes.credentials.key_rotation import KeysNeeded
from nodes.vault import WrongKey, retired_file

_OPERATOR = Principal(user=None, via="command")


class Command(PortalCommand):
    """Rotate the master keys."""

    help = "Put a new key into the key file and seal every stored secret again under it. Back up the key file before."

    def add_arguments(self, parser: CommandParser) -> None:
        """What can be chosen."""
        parser.add_argument("--keep-key", action="store_true", help="make no new key; only seal again under the newest")
        parser.add_argument(
            "--drop-old",
            action="store_true",
            help="then move the old keys out of the key file, into one beside it; backups made before need them",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Add, seal again, drop."""
        try:
            if not options["keep_key"]:
                key_rotation.add_key()
            for turn in key_rotation.seal_again(_OPERATOR):
                self.stdout.write(f"{turn.place}: {turn.again} of {turn.held} sealed again under the newest key")
        except (WrongKey, KeysNeeded) as error:
            raise CommandError(f"{error} No key was removed.") from error
        except OSError as error:
            raise CommandError(f"The key file cannot be written: {error.strerror}. No key was removed.") from error
        if options["drop_old"]:
            self._drop()

    def _drop(self) -> None:
        try:
            dropped = key_rotation.retire_old_keys(_OPERATOR)
        except (WrongKey, KeysNeeded) as error:
            raise CommandError(f"{error} The old keys are in {retired_file()}.") from error
        except OSError as error:
            raise CommandError(f"A file of keys cannot be written: {error.strerror}. No key is lost.") from error
        kept = f"; kept in {retired_file()}" if dropped else ""
        self.stdout.write(f"Everything opens with the newest key; removed {dropped} old key(s){kept}.")
