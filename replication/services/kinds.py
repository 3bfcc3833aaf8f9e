"""The kinds of job that can be requested. Runners live a floor above; they offer themselves here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from django.core.exceptions import ValidationError


class Kind(Protocol):
    """What requesting a job needs to know of its kind."""

    @property
    def kind(self) -> str:
        """The word in `Job.kind`."""
        ...

    @property
    def label(self) -> str:
        """What people call it."""
        ...

    def parse_options(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The options made complete and checked. Raises ValidationError."""
        ...


_KINDS: dict[str, Kind] = {}


def offer(kind: Kind) -> None:
    """Make a kind requestable."""
    _KINDS[kind.kind] = kind


def kinds() -> dict[str, str]:
    """The words of all kinds with what people call them."""
    return {word: kind.label for word, kind in sorted(_KINDS.items())}


def kind_named(word: str) -> Kind:
    """A kind by its word. Raises ValidationError naming the field and the known kinds."""
    if word not in _KINDS:
        known = ", ".join(sorted(_KINDS))
        raise ValidationError({"kind": f"There is no such kind of job. Use one of: {known}."}, code="invalid_choice")
    return _KINDS[word]
