"""The product's version, from whatever tells it.

Versions are compared as exact texts; some end in a letter (26.0.2b).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nodes.products.ini import IniDocument

_VERSION = r"\d{1,3}(?:\.\d{1,5}){1,3}[a-z]?"
_WHOLE = re.compile(rf"v?({_VERSION})", re.I)
_BANNERS = (
    re.compile(rf"START Event Log / MDaemon(?: \w+)* v({_VERSION}),", re.I),
    re.compile(rf"\(MDaemon(?: \w+)* v({_VERSION})\)", re.I),
    re.compile(rf"\b(?:ESMTP|POP|IMAP4rev1) MDaemon ({_VERSION})(?:;| ready|\r|$)", re.I | re.M),
)
_RESOURCES = tuple(
    re.compile(re.escape(f"{key}\0".encode("utf-16-le")) + rb"(?:\0\0)*((?:[\x20-\x7e]\0){1,40})\0\0")
    for key in ("ProductVersion", "FileVersion")
)


@dataclass(frozen=True, slots=True)
class ProductVersion:
    """A version's text and what told it."""

    text: str
    source: str


def version_from_text(text: str) -> ProductVersion | None:
    """From a log's first lines, a greeting (SMTP, POP, IMAP) or a Received header. None is no error: greetings may hide
    it."""
    for pattern in _BANNERS:
        match = pattern.search(text)
        if match:
            return ProductVersion(match[1], "banner")
    return None


def version_from_ini(ini: IniDocument) -> ProductVersion | None:
    """From an ini file, if exactly one version stands there under a key named after a version. No such key is public,
    so this is a discovery."""
    told = {
        match[1]
        for item in ini.items()
        if re.search(r"version\Z", item.key, re.I) and (match := _WHOLE.fullmatch(item.value.strip('"')))
    }
    return ProductVersion(told.pop(), "ini") if len(told) == 1 else None


def version_from_program(data: bytes) -> ProductVersion | None:
    """From the version resource of a Windows program (UTF-16, key, NULs, value, NUL), given any part that holds it."""
    for resource in _RESOURCES:
        match = resource.search(data)
        whole = _WHOLE.fullmatch(match[1].decode("utf-16-le").strip().replace(", ", ".")) if match else None
        if whole:
            return ProductVersion(whole[1], "program")
    return None


_NUMBERS = re.compile(r"\d{1,5}(?:\.\d{1,5}){0,3}")


def is_at_least(text: str, least: str) -> bool | None:
    """Whether a version is `least` or a later one, by its numbers; None where it does not begin with any."""
    match, wanted = _NUMBERS.match(text), _NUMBERS.match(least)
    if match is None or wanted is None:
        return None
    return _parts(match[0]) >= _parts(wanted[0])


def _parts(numbers: str) -> tuple[int, ...]:
    found = tuple(map(int, numbers.split(".")))
    return found + (0,) * (4 - len(found))
