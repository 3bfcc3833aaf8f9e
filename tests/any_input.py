"""What tests share that try anything at all."""

from __future__ import annotations

import unicodedata

from hypothesis import settings

from tests.journeys.ward import FULL

few = settings(max_examples=1000 if FULL else 30)
"""For `@given`: a value or a refusal shows soon; what is rare is for `./run test --full`."""


def size_of(value: object) -> int:
    """Characters and bytes of all that a value holds."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(size_of(one) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return sum(map(size_of, value))
    return sum(size_of(getattr(value, name)) for name in getattr(value, "__dataclass_fields__", ()))


def texts_in(value: object) -> list[str]:
    """Every text that a value holds."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in texts_in(one)]
    if isinstance(value, list | tuple | set | frozenset):
        return [text for one in value for text in texts_in(one)]
    names = getattr(value, "__dataclass_fields__", ())
    return [text for name in names for text in texts_in(getattr(value, name))]


def is_fit_to_be_shown(text: str) -> bool:
    """No control character, nothing that turns the direction of what follows, no half of a character."""
    return not any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in text)
