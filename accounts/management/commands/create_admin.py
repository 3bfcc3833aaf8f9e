"""The first administrator, made by whoever runs the portal: no page is ever open for it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import Role, User
from accounts.principals import Principal
from accounts.users import LetIn, NewUser, choose_password, create_user, reset_password, set_active, set_portal_role

_ME = Principal(user=None, via="command")


class Command(BaseCommand):
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
        given = "" if options["one_time"] else _asked()
        try:
            with transaction.atomic():
                made = _again(name) if options["reset"] else create_user(_ME, NewUser(name, Role.ADMINISTRATOR))
                if given:
                    choose_password(made.user, given)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"User name:          {name}")
        if options["one_time"]:
            self.stdout.write(f"It lets in until:   {made.user.one_time_until:%Y-%m-%d %H:%M} UTC")
            self.stdout.write(f"One-time password:  {made.password}")


def _asked() -> str:
    text = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise CommandError("No password was given. Give one on standard input, or use --one-time.")
    return text


def _again(name: str) -> LetIn:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name!r}. Leave out --reset to make one.")
    set_active(_ME, user.pk, True)
    set_portal_role(_ME, user.pk, Role.ADMINISTRATOR)
    return reset_password(_ME, user.pk)
