"""The first administrator, made by whoever runs the portal: no page is ever open for it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction

from accounts.commands import PortalCommand
from accounts.management.passwords import COMMAND, asked_password
from accounts.models import Role, User
from accounts.users import LetIn, NewUser, choose_password, create_user, reset_password, set_active, set_portal_role


class Command(PortalCommand):
    """Makes an administrator of the portal, or brings one back who forgot the password."""

    help = "Make an administrator; asks for the password (or reads a line of standard input) unless --one-time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The arguments."""
        parser.add_argument("--username", default="admin")
        parser.add_argument(
            "--one-time", action="store_true", help="make a random password, print it once, ask to change it at login"
        )
        parser.add_argument(
            "--reset", action="store_true", help="the user exists: new password, administrator again, let in again"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Both or nothing: user and password."""
        name = str(options["username"])
        given = "" if options["one_time"] else asked_password()
        try:
            with transaction.atomic():
                made = self.make(name, options)
                if given:
                    choose_password(made.user, given)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"User name:          {name}")
        if options["one_time"]:
            self.stdout.write(f"It lets in until:   {made.user.one_time_until:%Y-%m-%d %H:%M} UTC")
            self.stdout.write(f"One-time password:  {made.password}")

    def make(self, name: str, options: dict[str, Any]) -> LetIn:
        """The user, new or as it is."""
        return _again(name) if options["reset"] else create_user(COMMAND, NewUser(name, Role.ADMINISTRATOR))


def _again(name: str) -> LetIn:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name!r}. Leave out --reset to make one.")
    set_active(COMMAND, user.pk, True)
    set_portal_role(COMMAND, user.pk, Role.ADMINISTRATOR)
    return reset_password(COMMAND, user.pk)
