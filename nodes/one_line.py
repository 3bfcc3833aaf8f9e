"""What others say, made fit to be kept and shown: one line of a bounded length, and nothing that acts on a terminal, a
page or a database."""

from __future__ import annotations

import unicodedata


def one_line(text: str, most: int, *, instead: str = " ") -> str:
    """The text with `instead` for whatever has no shape of its own: control characters, line ends, what turns the
    direction of the rest, halves of characters. At most `most` characters, none of them space at the ends."""
    text = text[: 4 * most]  # what is cut off anyhow is not looked at
    if not text.isprintable():
        text = "".join(one if _has_shape(one) else instead for one in text)
    return text.strip()[:most]


def _has_shape(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"  # spaces of other scripts
