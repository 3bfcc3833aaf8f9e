"""A token for automation, made by whoever runs the portal."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from accounts.commands import PortalCommand
from accounts.models import Role, User
from accounts.principals import Principal
from accounts.tokens import DEFAULT_DAYS, NewToken, issue_token


class Command(PortalCommand):
    """Makes an API token of an existing user."""

    help = "Make an API token of a user; prints the secret, once, on standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The arguments."""
        parser.add_argument("--username", required=True)
        parser.add_argument("--name", required=True, help="what uses the token")
        parser.add_argument("--role", choices=Role.values, default=Role.VIEWER)
        parser.add_argument("--days", type=int, default=DEFAULT_DAYS, help="until it expires, 1 to 365")
        parser.add_argument("--cluster", type=int, action="append", default=[], help="id of a cluster it is for")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints the secret, nothing else."""
        owner = User.objects.filter(username=options["username"], is_active=True).first()
        if owner is None:
            raise CommandError(f"There is no active user {options['username']!r}.")
        wanted = NewToken(options["name"], options["role"], tuple(options["cluster"]), options["days"])
        try:
            issued = issue_token(Principal(user=None, via="command"), owner, wanted)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(issued.secret)
