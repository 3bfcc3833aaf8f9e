r"""How long the accounts' names are, and where their mail lies, from MDaemon's list of accounts (`App/Userlist.dat`).
Nothing else of it is looked at: it holds passwords.

One account a line, in columns counted in bytes: domain 0 to 44, mailbox 45 to 74, mail directory 105 to 194. That is
what others than the vendor wrote of older versions; a line of another form is counted and not understood.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from nodes.one_line import one_line

MAIL_DIRECTORY = 90
"""Bytes of the column that holds an account's mail directory."""

_DOMAIN, _MAILBOX, _DIRECTORY = slice(0, 45), slice(45, 75), slice(105, 105 + MAIL_DIRECTORY)
_DOMAIN_FORM = re.compile(rb"[A-Za-z0-9._\-\x80-\xff]{1,45}")
_MAILBOX_FORM = re.compile(rb"[^\x00-\x20\x7f\"*/:<>?\\|]{1,30}")


@dataclass(frozen=True, slots=True)
class Accounts:
    r"""`accounts`: lines that were understood, `unread`: those that were not, blank ones apart. `longest`: the longest
    `domain\mailbox`, as it is shown; `size`: its bytes, as the server counts them. "" and 0 without accounts."""

    accounts: int = 0
    unread: int = 0
    longest: str = ""
    size: int = 0


def read_accounts(content: bytes) -> Accounts:
    """What the list tells of its accounts' names."""
    accounts = unread = 0
    longest = b""
    for line in io.BytesIO(content):
        domain, mailbox = line[_DOMAIN].rstrip(b" "), line[_MAILBOX].rstrip(b" \r\n")
        if _DOMAIN_FORM.fullmatch(domain) and _MAILBOX_FORM.fullmatch(mailbox):
            accounts += 1
            longest = max(longest, domain + b"\\" + mailbox, key=len)
        elif not line.isspace():
            unread += 1
    return Accounts(accounts, unread, one_line(_text(longest), 200), len(longest))


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("cp1252", "replace")


def accounts_in(content: bytes, folder: str) -> int:
    """How many accounts have their mail directory within a folder, spelled as the node does. Neither case nor the sort
    of separators counts, as on Windows."""
    within = _plain(folder).rstrip("/") + "/"
    return sum(_plain(_text(line[_DIRECTORY])).startswith(within) for line in io.BytesIO(content))


def _plain(path: str) -> str:
    return path.strip(" ").replace("\\", "/").casefold()
