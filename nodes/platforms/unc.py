r"""Paths on file servers, as Windows spells them: `\\server\share\folder`. Pure.

The rules of names are Windows' own (`WindowsPlatform.name_problem`) and those of shares ([MS-SRVS] 2.2.4.23 and the
documentation of NetShareAdd: 80 characters, some of them reserved). A path is kept as it was typed, but for separators;
it is compared without regard to case. The server's name is what people typed, too: a NetBIOS name, a DNS name and an
address of the same server are three servers here.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass

from nodes.one_line import one_line
from nodes.platforms.windows import WindowsPlatform

LONGEST = 400
"""Characters of a path as it is kept. What Windows and mail servers can use is less: `nodes.shares.core.rules`."""

LONGEST_SERVER = 253
LONGEST_SHARE = 80

_SEPARATORS = re.compile(r"[\\/]+")
_UNC_AFTER_DEVICE = re.compile(r"\\\\\?\\UNC(?=\\)", re.I)
_DEVICE = re.compile(r"\\\\[?.](?:\\|\Z)|\\\?\?(?:\\|\Z)")
_DRIVE = re.compile(r"[A-Za-z]:(?:\\|\Z)")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\\\\")

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.I)
_IPV6_DOMAIN = ".ipv6-literal.net"
_IPV6 = re.compile(r"([0-9a-f-]{2,39})(?:s[0-9]{1,10})?" + re.escape(_IPV6_DOMAIN), re.I)
_NOT_IN_SHARES = re.compile(r"[\[\]+;,=]")
"""Beside what no name may hold."""

_ADMIN_SHARE = re.compile(r"[A-Z]\$|ADMIN\$|IPC\$|PRINT\$|FAX\$", re.I)
_TAKEN_SHARES = frozenset({"PIPE", "MAILSLOT", "SYSVOL", "NETLOGON", "DAVWWWROOT"})

_HOW = r"write \\server\share or a folder below it"


class UncError(ValueError):
    """A text is no UNC path that nodes can share; the sentence says what is wrong and how to write it."""


@dataclass(frozen=True, slots=True, eq=False)
class UncPath:
    """A folder on a file server; `folders` may be empty: the share itself. Raises UncError for any part that cannot be
    one, so whatever is a UncPath lies in its share. Equal without regard to case."""

    server: str
    share: str
    folders: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check every part."""
        _check_server(self.server)
        _check_share(self.share)
        for folder in self.folders:
            _check_name(folder)
        if self.length > LONGEST:
            raise UncError(f"The path has {self.length} characters, {LONGEST} is the most; choose shorter folders.")

    @classmethod
    def parse(cls, text: str) -> UncPath:
        r"""From what a person wrote: with `/` or `\`, doubled or at the end, in quotes as Explorer copies it, or behind
        `\\?\UNC\`. Raises UncError."""
        if len(text) > 4 * LONGEST:
            raise UncError(f"The path has {len(text)} characters, {LONGEST} is the most; {_HOW}.")
        path = text.strip(" \t\r\n").removeprefix('"').removesuffix('"').replace("/", "\\")
        path = _UNC_AFTER_DEVICE.sub(r"\\", path, count=1)
        _check_form(path, _shown(text))
        server, *names = [part for part in _SEPARATORS.split(path) if part] or [""]
        if not names:
            raise UncError(f"{_shown(text)} names no share; {_HOW}.")
        return cls(server, names[0], tuple(names[1:]))

    def __str__(self) -> str:
        r"""As Windows spells it, without a separator at the end."""
        return "\\".join(["", "", self.server, self.share, *self.folders])

    def __eq__(self, other: object) -> bool:
        """Whether both are one folder, by their names."""
        return isinstance(other, UncPath) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    @property
    def identity(self) -> tuple[str, ...]:
        """What all spellings of one folder share: server, share, folders."""
        return tuple(folded(part) for part in (self.server, self.share, *self.folders))

    @property
    def length(self) -> int:
        """Characters, as Windows counts them."""
        return _units(str(self))

    @property
    def root(self) -> UncPath:
        """The share."""
        return UncPath(self.server, self.share)

    @property
    def parent(self) -> UncPath | None:
        """The folder that holds it; None of a share."""
        return UncPath(self.server, self.share, self.folders[:-1]) if self.folders else None

    def join(self, *names: str) -> UncPath:
        """A folder below. Raises UncError for what is no plain name."""
        return UncPath(self.server, self.share, (*self.folders, *names))


def folded(name: str) -> str:
    """What all spellings of a name share on Windows, which maps characters one by one: no name becomes longer, so
    "Straße" is not "Strasse"."""
    return "".join(upper if len(upper := one.upper()) == 1 else one for one in name)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _shown(text: str) -> str:
    return f"'{one_line(text, 80)}'"


def _check_form(path: str, shown: str) -> None:
    """Say of what is written in another form than a UNC path's how to write it."""
    if _DEVICE.match(path):
        raise UncError(f"{shown} is a device path; {_HOW}.")
    if _DRIVE.match(path):
        raise UncError(
            f"{shown} begins with a drive letter, which means something else on every machine; "
            r"write the share that it stands for, such as \\server\share\folder."
        )
    if _URL.match(path):
        raise UncError(f"{shown} is an address as programs have them; {_HOW}.")
    if not path.startswith("\\\\"):
        raise UncError(f"{shown} names no file server; {_HOW}.")


def _check_name(name: str) -> None:
    """A folder's or a share's name. Raises UncError."""
    if any(not one.isprintable() and unicodedata.category(one) != "Zs" for one in name):
        raise UncError(f"The name {_shown(name)} holds a character that cannot be seen; type it anew.")
    if name in (".", ".."):
        raise UncError(f"{_shown(name)} is no folder's name; write the path without it.")
    problem = WindowsPlatform().name_problem(name)
    if problem:
        raise UncError(f"{_shown(name)}: {problem[:120]}; choose another name.")
    if name != name.strip():
        raise UncError(f"The name {_shown(name)} begins or ends with a space; choose one without.")


def _check_share(share: str) -> None:
    _check_name(share)
    odd = _NOT_IN_SHARES.search(share)
    if odd:
        raise UncError(f"The name of a share holds no {odd[0]!r}; choose another share than {_shown(share)}.")
    if _units(share) > LONGEST_SHARE:
        raise UncError(f"The name of a share has at most {LONGEST_SHARE} characters; choose a shorter one.")
    if _ADMIN_SHARE.fullmatch(share):
        raise UncError(
            f"{_shown(share)} is for the server's administrators; make a share for the mail, such as mail or mail$."
        )
    if share.upper() in _TAKEN_SHARES:
        raise UncError(
            f"Windows has its own use for {_shown(share)}; make a share for the mail, such as mail or mail$."
        )


def _check_server(server: str) -> None:
    """A NetBIOS name, a DNS name, an IPv4 address, or an IPv6 address as UNC paths spell it. Raises UncError."""
    if not server or len(server) > LONGEST_SERVER:
        raise UncError(f"A server's name has 1 to {LONGEST_SERVER} characters; {_HOW}.")
    if ":" in server:
        raise UncError(f"{_shown(server)} is no server's name in a path; {_without_colons(server)}.")
    if "@" in server:
        raise UncError(f"{_shown(server)} is more than a server's name; write the server alone, without user or port.")
    if not server.isascii():
        raise UncError(f"{_shown(server)} is written in other letters than a to z; {_in_ascii(server)}.")
    if server.lower().endswith(_IPV6_DOMAIN):
        _check_ipv6(server)
    else:
        _check_labels(server)


def _check_labels(server: str) -> None:
    labels = server.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise UncError(
            f"{_shown(server)} is no server's name; use letters, digits, hyphens and dots, no part of it empty, "
            "longer than 63 characters, or with a hyphen at its ends."
        )
    if _NUMBER.fullmatch(labels[-1]) and not _is_address(server):
        raise UncError(
            f"{_shown(server)} is no server's IPv4 address; write four numbers such as 10.1.2.3, or the server's name."
        )
    problem = WindowsPlatform().name_problem(server)
    if problem:
        raise UncError(f"{problem[:120]}; write the server's address.")


def _check_ipv6(server: str) -> None:
    match = _IPV6.fullmatch(server)
    if not match or not _is_address(match[1].replace("-", ":")):
        raise UncError(
            f"{_shown(server)} spells no server's IPv6 address; write it with - for each colon, such as "
            f"fe80--1{_IPV6_DOMAIN}."
        )


def _is_address(text: str) -> bool:
    """Whether a server can have this address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_multicast or address == ipaddress.IPv4Address(0xFFFFFFFF))


def _without_colons(server: str) -> str:
    """How to write what holds a colon."""
    address, _, zone = server.strip("[]").partition("%")
    spelled = address.replace(":", "-").lower() + (f"s{zone}" if zone else "") + _IPV6_DOMAIN
    if _is_address(address) and _IPV6.fullmatch(spelled):
        return f"write {spelled}"
    return f"write it without a port, and an IPv6 address with - for each colon, such as fe80--1{_IPV6_DOMAIN}"


def _in_ascii(server: str) -> str:
    """How to write an international name, where there is one spelling that leads back to it."""
    try:
        spelled = server.encode("idna").decode("ascii")
        if spelled.encode("ascii").decode("idna") == server.lower():
            return f"write {spelled}, or its address"
    except UnicodeError:
        pass
    return "write it in Punycode (xn--...), or its address"
