"""Which ini values look like secrets and are not shown to people."""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "••••••••"

_WORDS = re.compile(
    r"pass|pwd|secret|token|licen[cs]e|registration|serial|credential|auth|api.?key|private|salt|hash|cookie|pin\b"
    r"|(?<![a-z])key|key(?![a-z])",
    re.IGNORECASE,
)
_OPAQUE = re.compile(r"[A-Za-z0-9+/=_-]{20,}")
"""A long run without blanks or dots: a key, a digest, a token."""


def is_secret(section: str, key: str, *values: str | None) -> bool:
    """Whether a key's name, its section's, or one of its values looks like a secret. Rather one too many."""
    if _WORDS.search(section) or _WORDS.search(key):
        return True
    return any(_is_opaque(value) for value in values if value)


def _is_opaque(value: str) -> bool:
    """Long, of one piece, and with letters and digits: what no person types and no path looks like."""
    for run in _OPAQUE.findall(value):
        if any(character.isdigit() for character in run) and any(character.isalpha() for character in run):
            return True
    return False


def masked(value: str | None) -> str | None:
    """The mask, or None where there is no value."""
    return None if value is None else MASK
