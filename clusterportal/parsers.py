"""JSON as REST reads it: what nothing behind could hold is refused here, by the name of its field."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import IO, Any

from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import JSONParser

DEEPEST = 32
"""Lists and objects within one another."""


class PortalJSONParser(JSONParser):
    """JSON of a bounded depth whose texts are text: no NUL, which no database takes, and no half of a pair of
    surrogates, which has no UTF-8; and no number without an end."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The value. Raises ParseError and ValidationError."""
        try:
            value = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise _too_deep() from None
        for path, leaf in _leaves(value):
            if isinstance(leaf, float):
                if math.isinf(leaf):
                    raise _unfit(path, "max_value", "It is larger than any number can be.")
            elif "\0" in leaf:
                raise _unfit(path, "null_characters", "It contains a NUL character.")
            elif not _is_unicode(leaf):
                raise _unfit(path, "surrogates", "It contains half of a surrogate pair, which is no character.")
        return value


def _leaves(value: Any) -> Iterator[tuple[tuple[str, ...], str | float]]:
    """Every text, keys included, and every number with a fraction, with the names of what it is in."""
    ways: list[tuple[tuple[str, ...], Any]] = [((), value)]
    while ways:
        path, value = ways.pop()
        if isinstance(value, str | float):
            yield path, value
        elif len(path) >= DEEPEST and isinstance(value, dict | list):
            raise _too_deep()
        elif isinstance(value, dict):
            ways.extend((path, key) for key in value)
            ways.extend(((*path, key), inner) for key, inner in value.items())
        elif isinstance(value, list):
            ways.extend(((*path, str(number)), inner) for number, inner in enumerate(value))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unfit(path: tuple[str, ...], code: str, text: str) -> ValidationError:
    name = ".".join(path).encode("ascii", "backslashreplace").decode()[:200]
    return ValidationError({name or "non_field_errors": [ErrorDetail(text, code)]})


def _too_deep() -> ParseError:
    return ParseError(f"The JSON is nested too deeply: {DEEPEST} levels at most.")
