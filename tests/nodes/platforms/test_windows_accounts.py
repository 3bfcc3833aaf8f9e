"""What an account is to other machines, by every way it is written."""

from __future__ import annotations

import pytest

from nodes.platforms.windows_accounts import ON_THE_NETWORK, AccountKind, kind_of, shown_account

SPELLED = {
    AccountKind.SYSTEM: r"|  |LocalSystem|.\LocalSystem|NT AUTHORITY\SYSTEM|NT-AUTORITÄT\SYSTEM|AUTORITE NT\Système"
    r"|S-1-5-18|HARBOUR\LocalSystem",
    AccountKind.LOCAL_SERVICE: r"NT AUTHORITY\LocalService|NT AUTHORITY\LOCAL SERVICE|NT-AUTORITÄT\Lokaler Dienst"
    r"|AUTORITE NT\SERVICE LOCAL|NT AUTHORITY\SERVICIO LOCAL|S-1-5-19",
    AccountKind.NETWORK_SERVICE: r"NT AUTHORITY\NetworkService|nt authority\network service|S-1-5-20"
    r"|NT-AUTORITÄT\Netzwerkdienst|AUTORITE NT\SERVICE RÉSEAU|NT AUTHORITY\Servicio de red",
    AccountKind.VIRTUAL: r"NT SERVICE\MDaemon|NT Service\MDaemon|S-1-5-80-1-2-3-4-5|IIS APPPOOL\web",
    AccountKind.MANAGED: r"HARBOUR\mail$|mail$@harbour.example",
    AccountKind.LOCAL: r".\mail|MX1\mail|mx1\mail",
    AccountKind.DOMAIN: r"HARBOUR\mail|mail@harbour.example|HARBOUR\system",
    AccountKind.UNKNOWN: r"mail|NT AUTHORITY\mail|NT-AUTORITÄT\Irgendwer|S-1-5-21-1-2-3-1001",
}
"""Spellings of each kind, divided by bars."""


@pytest.mark.parametrize(
    ("kind", "account"), [(kind, one) for kind, many in SPELLED.items() for one in many.split("|")]
)
def test_an_account_is_known_by_its_forms(kind: AccountKind, account: str) -> None:
    assert kind_of(account, {"mx1", "mx1.harbour.example"}) == kind


def test_another_computers_user_is_none_of_this_one() -> None:
    assert kind_of(r"MX1\mail", {"mx2"}) == AccountKind.DOMAIN


def test_every_kind_is_told_to_people() -> None:
    assert set(ON_THE_NETWORK) == set(AccountKind)
    assert (shown_account(""), shown_account(r".\mail")) == ("LocalSystem", r".\mail")
