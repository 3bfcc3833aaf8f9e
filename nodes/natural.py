"""The order in which people read names that count: mx2 before mx10."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[0-9]+")


def natural_key(name: str) -> str:
    """A text by which databases and Python sort names alike, numbers in them by their size and letters without their
    case: each number is told how long it is, without the zeros before it."""
    return _NUMBER.sub(_with_length, name.casefold())


def _with_length(found: re.Match[str]) -> str:
    number = found[0].lstrip("0")
    return f"{len(number):02}{number}"
