"""Links that a page shows and a package above it has: it gives them here, and the page below need not know it."""

from __future__ import annotations

from collections.abc import Callable

_LINKS: dict[str, Callable[[int], str]] = {}


def register_link(name: str, address: Callable[[int], str]) -> None:
    """Give the address of a page by a name; `address` takes the primary key of what the page is about."""
    _LINKS[name] = address


def link(name: str, pk: int) -> str:
    """The address, or "" where no package gives such a link."""
    return _LINKS[name](pk) if name in _LINKS else ""
