"""A user who may also look at the tables of last resort, in the place of Django's command of this name, which goes
around rules and audit log."""

from __future__ import annotations

from typing import Any

from accounts.management.commands import create_admin
from accounts.management.passwords import COMMAND
from accounts.users import LetIn, make_superuser


class Command(create_admin.Command):
    """As `create_admin`, and a superuser."""

    help = "Make a superuser; asks for the password (or reads a line of standard input) unless --one-time."

    def make(self, name: str, options: dict[str, Any]) -> LetIn:
        """An administrator first."""
        made = super().make(name, options)
        make_superuser(COMMAND, made.user)
        return made
