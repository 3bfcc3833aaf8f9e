"""What people and programs may call servers, folders and keys. Every check answers the clean value or raises a
`ValidationError` whose text names the remedy; `Checks` gathers the complaints of a whole form by field.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import TypeVar

from django.core.exceptions import ValidationError

from accounts.names import normalised
from nodes.enums import PlatformName
from nodes.products.patterns import pattern_problem
from nodes.remote.fingerprints import parse_fingerprint

Value = TypeVar("Value")

MAX_ADDRESS = 253
MAX_NAME = 63
MAX_INI_NAME = 200
MAX_USERNAME = 104
MAX_PATH = 400

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_DRIVE = re.compile(r"[A-Za-z]:\\")
_UNC = re.compile(r"\\\\[^\\/:*?\"<>|]+\\[^\\/:*?\"<>|]+")
_NOT_IN_WINDOWS_NAMES = frozenset('<>"|?*:')


class FieldErrors:
    """Runs checks field by field; `finish` raises one ValidationError with everything found."""

    def __init__(self) -> None:
        self._errors: dict[str, list[ValidationError]] = {}

    def __call__(self, field: str, check: Callable[[Value], Value], value: Value) -> Value:
        """The checked value; the value as given where the check complained (`finish` will raise)."""
        try:
            return check(value)
        except ValidationError as error:
            self._errors.setdefault(field, []).extend(error.error_list)
            return value

    def complain(self, field: str, message: str, *, code: str = "invalid") -> None:
        """Note what is wrong with a field."""
        self._errors.setdefault(field, []).append(ValidationError(message, code=code))

    def passed(self, *fields: str) -> bool:
        """Whether nothing is wrong with these fields so far."""
        return not set(fields) & set(self._errors)

    def finish(self) -> None:
        """Raise ValidationError by field if anything was wrong."""
        if self._errors:
            raise ValidationError({field: list(errors) for field, errors in self._errors.items()})


def _unprintable(text: str) -> bool:
    return any(not character.isprintable() for character in text)


def title(text: str) -> str:
    """A name that people give to a cluster or a credential: one printable line of 1 to 63 characters, in its one
    spelling, by which it is compared with others."""
    clean = normalised(text).strip()
    if not clean:
        raise ValidationError("Give a name.")
    if len(clean) > MAX_NAME:
        raise ValidationError(f"Use at most {MAX_NAME} characters.")
    if _unprintable(clean):
        raise ValidationError("Use printable characters on one line.")
    return clean


def remark(text: str) -> str:
    """A free text of one line, at most 200 characters, possibly empty."""
    clean = text.strip()
    if len(clean) > 200:
        raise ValidationError("Use at most 200 characters.")
    if _unprintable(clean):
        raise ValidationError("Use printable characters on one line.")
    return clean


def _labels_ok(text: str) -> bool:
    return all(_LABEL.fullmatch(label) for label in text.split("."))


def host_name(text: str) -> str:
    """A NetBIOS or DNS host name."""
    clean = text.strip()
    if not clean:
        raise ValidationError("Give the server's NetBIOS or DNS host name.")
    if len(clean) > MAX_NAME:
        raise ValidationError(f"Use at most {MAX_NAME} characters: a NetBIOS or DNS host name.")
    if not clean.isascii():
        raise ValidationError("Use letters a-z, digits, hyphens and dots; write an international name as xn--...")
    if not _labels_ok(clean):
        raise ValidationError(
            "Use letters, digits, hyphens, underscores and dots; no part may be empty or begin or end with a hyphen."
        )
    if clean.replace(".", "").isdigit():
        raise ValidationError("A host name is not a number; put the IP address into the address field.")
    return clean


def address(text: str) -> str:
    """An IP address, DNS name or NetBIOS name to connect to, in lower case."""
    clean = text.strip()
    if not clean:
        raise ValidationError("Give the IP address, DNS name or NetBIOS name to connect to.")
    if "://" in clean or "/" in clean or "\\" in clean or "@" in clean:
        raise ValidationError("Give the bare host, without protocol, user name or path, for example mail1.example.com.")
    if clean.startswith("-"):
        raise ValidationError("An address does not begin with a hyphen.")
    if any(character.isspace() for character in clean):
        raise ValidationError("An address holds no spaces.")
    literal = _ip_address(clean)
    return literal if literal is not None else _dns_name(clean)


def _ip_address(text: str) -> str | None:
    if text.startswith("["):
        raise ValidationError("Write an IPv6 address without brackets; the port has a field of its own.")
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        if ":" in text:
            raise ValidationError("This is no IPv6 address; the port has a field of its own.") from None
        return None
    if found.is_multicast or found.is_unspecified or found == ipaddress.ip_address("255.255.255.255"):
        raise ValidationError("Give the address of one server, not a multicast, broadcast or empty address.")
    return str(found)


def _dns_name(text: str) -> str:
    bare = text.removesuffix(".").lower()
    if len(bare) > MAX_ADDRESS:
        raise ValidationError(f"Use at most {MAX_ADDRESS} characters.")
    if not bare.isascii():
        raise ValidationError("Write an international name in its xn-- form.")
    if not _labels_ok(bare):
        raise ValidationError(
            "Use an IP address or a host name: letters, digits, hyphens, dots; no part may be empty or begin or end "
            "with a hyphen."
        )
    if bare.rpartition(".")[2].isdigit():
        raise ValidationError(
            "This looks like an IP address but is none; an IPv4 address has four numbers from 0 to 255."
        )
    return bare


def port(number: int) -> int:
    """A TCP port."""
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 65535:
        raise ValidationError("Use a port from 1 to 65535.")
    return number


def username(text: str) -> str:
    """A log-in name as sshd takes it: user, DOMAIN\\user or user@domain."""
    clean = text.strip()
    if not clean:
        raise ValidationError("Give the user name to log in with.")
    if len(clean) > MAX_USERNAME:
        raise ValidationError(f"Use at most {MAX_USERNAME} characters.")
    if _unprintable(clean) or clean.startswith("-"):
        raise ValidationError("Use printable characters, not beginning with a hyphen.")
    return clean


def fingerprint(text: str) -> str:
    """A host key's SHA-256 fingerprint as OpenSSH prints it."""
    try:
        return parse_fingerprint(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def install_root(text: str, platform: str) -> str:
    """The product's installation folder as the node's system spells it: absolute, normalised, not a whole volume."""
    clean = text.strip()
    if not clean:
        raise ValidationError("Give the installation folder, for example C:\\MDaemon.")
    if len(clean) > MAX_PATH:
        raise ValidationError(f"Use at most {MAX_PATH} characters.")
    if _unprintable(clean):
        raise ValidationError("A path holds no NUL, line break or other control character.")
    return _windows_root(clean) if platform == PlatformName.WINDOWS else _posix_root(clean)


def _no_dots(parts: list[str]) -> None:
    if any(part in (".", "..") for part in parts):
        raise ValidationError("Give the path without . and .. parts.")


def _windows_root(text: str) -> str:
    path = text.replace("/", "\\")
    drive, unc = _DRIVE.match(path), _UNC.match(path)
    start = drive or unc
    if start is None:
        raise ValidationError("Give an absolute Windows path such as C:\\MDaemon or \\\\server\\share\\MDaemon.")
    parts = [part for part in path[start.end() :].split("\\") if part]
    _no_dots([*start.group().split("\\"), *parts])
    if any(_NOT_IN_WINDOWS_NAMES & set(part) for part in parts):
        raise ValidationError('A Windows folder name holds none of < > " | ? * and no colon after the drive.')
    if any(part.endswith((" ", ".")) for part in parts):
        raise ValidationError("A Windows folder name ends neither with a dot nor with a space.")
    if drive and not parts:
        raise ValidationError("Give the product's folder, not a whole drive.")
    return start.group().rstrip("\\") + "".join("\\" + part for part in parts)


def _posix_root(text: str) -> str:
    if not text.startswith("/"):
        raise ValidationError("Give an absolute path such as /srv/mdaemon.")
    parts = [part for part in text.split("/") if part]
    _no_dots(parts)
    if not parts:
        raise ValidationError("Give the product's folder, not the root of the file system.")
    return "/" + "/".join(parts)


def path_pattern(text: str) -> str:
    """A relative path below the installation folder with `*`, `?` and `**`; backslashes become slashes."""
    clean = text.strip().replace("\\", "/")
    problem = pattern_problem(clean)
    if problem:
        raise ValidationError(f"{problem[0].upper()}{problem[1:]}.")
    if not set(clean) - set("*?/"):
        raise ValidationError("This matches everything; name a folder or a kind of file.")
    return clean


def clean_name(text: str) -> str:
    """A section, key or value of an ini file that is not empty."""
    if not text.strip():
        raise ValidationError("Give a value that is not empty.", code="required")
    if len(text) > MAX_INI_NAME:
        raise ValidationError(f"Use at most {MAX_INI_NAME} characters.", code="max_length")
    return text.strip()


def clean_path(text: str) -> str:
    """A file's path below the installation folder."""
    clean = text.strip().replace("\\", "/")
    if not clean or clean.startswith("/") or ".." in clean.split("/") or not clean.isprintable() or len(clean) > 400:
        raise ValidationError("Give the file's path relative to the installation folder, for example App/MDaemon.ini.")
    return clean
