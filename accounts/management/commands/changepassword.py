"""A user's new password, in the place of Django's command of this name, which goes around rules and audit log."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction

from accounts.commands import PortalCommand
from accounts.management.passwords import COMMAND, asked_password
from accounts.models import User
from accounts.users import choose_password, reset_password


class Command(PortalCommand):
    """Gives a user a new password; role and state stay."""

    help = "Give a user a new password; asks for it (or reads a line of standard input) unless --one-time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The arguments."""
        parser.add_argument("username")
        parser.add_argument("--one-time", action="store_true", help="make a random password, print it once")

    def handle(self, *, username: str, one_time: bool, **options: Any) -> None:
        """Both or nothing: the password and its event."""
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        given = "" if one_time else asked_password()
        try:
            with transaction.atomic():
                made = reset_password(COMMAND, user.pk)
                if given:
                    choose_password(made.user, given)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"One-time password:  {made.password}" if one_time else f"{user} has a new password.")
