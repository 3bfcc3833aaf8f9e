r"""The accounts that Windows' services run under, and who they are on the network. Pure.

Windows keeps the built-in ones under names of one language (`LocalSystem`, `NT AUTHORITY\LocalService`), but its tools
write them in the system's own (`NT-AUTORITÄT\Netzwerkdienst`). No list of these is complete: what is not on it is not
known, and said so. Source of the spellings: general knowledge of Windows, not verified on each of its languages.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum


class AccountKind(StrEnum):
    """What an account is to other machines."""

    SYSTEM = "system"
    LOCAL_SERVICE = "local_service"
    NETWORK_SERVICE = "network_service"
    VIRTUAL = "virtual"
    MANAGED = "managed"
    LOCAL = "local"
    DOMAIN = "domain"
    UNKNOWN = "unknown"


NO_USER = frozenset({AccountKind.SYSTEM, AccountKind.LOCAL_SERVICE, AccountKind.NETWORK_SERVICE, AccountKind.VIRTUAL})
"""Accounts that belong to the computer and are no user whom a file server could let in by name."""

ON_THE_NETWORK = {
    AccountKind.SYSTEM: "On the network it is the computer itself, and only in a domain.",
    AccountKind.LOCAL_SERVICE: "On the network it is nobody: it reaches no share.",
    AccountKind.NETWORK_SERVICE: "On the network it is the computer itself, and only in a domain.",
    AccountKind.VIRTUAL: "On the network it is the computer itself, and only in a domain.",
    AccountKind.MANAGED: "It reaches the shares that let it in by its name; Windows keeps its password.",
    AccountKind.LOCAL: "It reaches a share only where the file server has a user of the same name and password.",
    AccountKind.DOMAIN: "It reaches the shares that let it in.",
    AccountKind.UNKNOWN: "What it may do on the network is not known.",
}
"""A sentence a kind."""

_AUTHORITIES = frozenset(
    {"", ".", "ntauthority", "nt-autorität", "autoritent", "autoritént", "autoridadent", "ntinstans", "zarządzanient"}
)
"""The domain of the built-in accounts, folded and without spaces."""

_BUILT_IN = {
    AccountKind.SYSTEM: ("", "localsystem", "system", "système", "systeme", "sistema", "s-1-5-18"),
    AccountKind.LOCAL_SERVICE: (
        *("localservice", "lokalerdienst", "servicelocal", "serviziolocale", "serviciolocal", "serviciolo"),
        *("serviçolocal", "lokaleservice", "lokaltjänst", "usługalokalna", "s-1-5-19"),
    ),
    AccountKind.NETWORK_SERVICE: (
        *("networkservice", "netzwerkdienst", "serviceréseau", "servicereseau", "serviziodirete", "serviciodered"),
        *("serviçoderede", "netwerkservice", "nätverkstjänst", "usługasieciowa", "s-1-5-20"),
    ),
}
_NAMES = {name: kind for kind, names in _BUILT_IN.items() for name in names}
_RESERVED = frozenset({"localsystem", "localservice", "networkservice"})
"""Names of Windows' own that nobody else may have, whatever stands before them."""


def kind_of(account: str, host_names: Collection[str] = ()) -> AccountKind:
    r"""What an account is, by its name as Windows or a person writes it: `HOST\user`, `.\user`, `user@domain`. ""
    stands for a service of which none is named: LocalSystem's. `host_names`: what the computer is called, folded."""
    domain, name = _parts(account)
    if name in _RESERVED or domain in _AUTHORITIES:
        found = _NAMES.get(name)
        if found is not None:
            return found
    if domain in ("ntservice", "iisapppool") or name.startswith("s-1-5-80-"):
        return AccountKind.VIRTUAL
    if not domain or domain in _AUTHORITIES - {"."}:
        return AccountKind.UNKNOWN
    if name.endswith("$"):
        return AccountKind.MANAGED
    return AccountKind.LOCAL if domain == "." or domain in host_names else AccountKind.DOMAIN


def shown_account(account: str) -> str:
    """As people know it: a service without a named account is LocalSystem's."""
    return account.strip() or "LocalSystem"


def _parts(account: str) -> tuple[str, str]:
    """Domain and name, folded and without spaces; the domain is "" where none is written."""
    text = account.replace(" ", "").casefold()
    domain, separator, name = text.rpartition("\\")
    if separator:
        return domain, name
    name, separator, domain = text.partition("@")
    return domain, name
