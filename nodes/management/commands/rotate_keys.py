"""`manage.py rotate_keys`: a new master key, and everything sealed again under it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.principals import Principal
from nodes.credentials import key_rotation
from nodes.vault import WrongKey

_OPERATOR = Principal(user=None, via="command")


class Command(BaseCommand):
    """Rotate the master keys."""

    help = "Put a new key into the key file and seal every stored secret again under it. Back up the key file before."

    def add_arguments(self, parser: CommandParser) -> None:
        """What can be chosen."""
        parser.add_argument("--keep-key", action="store_true", help="make no new key; only seal again under the newest")
        parser.add_argument(
            "--drop-old",
            action="store_true",
            help="then remove the old keys from the key file; backups made before open with them only",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Add, seal again, drop."""
        try:
            if not options["keep_key"]:
                key_rotation.add_key()
            sealed = key_rotation.seal_again(_OPERATOR)
            dropped = key_rotation.drop_old_keys() if options["drop_old"] else 0
        except WrongKey as error:
            raise CommandError(f"{error} No key was removed.") from error
        except OSError as error:
            raise CommandError(f"The key file cannot be written: {error.strerror}. No key was removed.") from error
        self.stdout.write(f"Sealed {sealed} credential(s) under the newest key; removed {dropped} old key(s).")
