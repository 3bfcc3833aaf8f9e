"""How commands ask for a password: never as an argument, which others on the machine could read."""

from __future__ import annotations

import sys
from getpass import getpass

from django.core.management.base import CommandError

from accounts.principals import Principal

COMMAND = Principal(user=None, via="command")
"""Whoever runs a command on the portal's machine."""


def asked_password() -> str:
    """What is typed, or a line of standard input. Raises CommandError for none."""
    text = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise CommandError("No password was given. Give one on standard input, or use --one-time.")
    return text
