"""The way back in for an administrator who lost the second factor, when no other can help."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from accounts.commands import PortalCommand
from accounts.errors import Refused
from accounts.models import User
from accounts.principals import Principal
from accounts.second_factor import remove_lost_factor


class Command(PortalCommand):
    """Removes somebody's lost second factor."""

    help = "Remove the lost second factor of a user, with the recovery codes, and end their sessions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The arguments."""
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        """All of it, or a sentence that says why not."""
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']!r}.")
        try:
            remove_lost_factor(Principal(user=None, via="command"), user.pk)
        except Refused as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write(f"{user} logs in with the password alone until they set up a new second factor.")
