"""Whether the user that a test logged in as is the one that services run under. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from nodes.platforms.windows_accounts import NO_USER, kind_of


def is_service_account(login: str, accounts: Iterable[str]) -> bool | None:
    """Whether all of these accounts are that login; None where that cannot be told: no account is known, only one of
    the two spellings names a domain, or one names it by DNS."""
    found = {_same(login, account) for account in accounts}
    if False in found:
        return False
    return True if found == {True} else None


def _same(login: str, account: str) -> bool | None:
    if kind_of(account) in NO_USER:
        return False
    (name, domain), (other, others) = _parts(login), _parts(account)
    if name != other:
        return False
    if domain == others:
        return True
    return None if not domain or not others or "@" in login + account else False


def _parts(account: str) -> tuple[str, str]:
    r"""Name and domain, case-folded: of `DOMAIN\name`, `name@domain`, `.\name` (the machine's own, as `name`). A DNS
    name's first label is taken for the domain."""
    text = account.strip().casefold()
    if "\\" in text:
        domain, _, name = text.partition("\\")
    else:
        name, _, domain = text.partition("@")
    return name.strip(), "" if domain == "." else domain.partition(".")[0]
