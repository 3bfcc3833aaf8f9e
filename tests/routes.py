"""Every address of the portal, from its own map of pages, with the words of `everything` in the places of its rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from django.urls import URLPattern, URLResolver, get_resolver

_GROUP = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)|<(?:\w+:)?(\w+)>|{(\w+)}")


def routes() -> list[tuple[str, URLPattern]]:
    """Each route with its pattern, without what anchors it: `/clusters/<int:pk>/log/`."""
    return sorted(_walk(get_resolver().url_patterns), key=lambda found: found[0])


def _walk(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        here = prefix + re.sub(r"^\^|/\?\$$|\$$|\\Z$", "", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, here)
        else:
            yield here, pattern


def short(route: str) -> str:
    """As a person reads it: `/clusters/<pk>/log/`."""
    return _GROUP.sub(lambda found: f"<{found[1] or found[2] or found[3]}>", route)


def address(route: str, value: Callable[[str, str], object]) -> str:
    """A concrete address. `value(folder, name)`: of a place, by the word before it and its name."""

    def fill(found: re.Match[str]) -> str:
        folder = route[: found.start()].rstrip("/").rpartition("/")[2]
        return str(value(folder, found[1] or found[2] or found[3]))

    return _GROUP.sub(fill, route)


def takes(pattern: URLPattern, method: str) -> bool:
    """Whether a view has code for a method. REST's views say it; of pages nothing is known."""
    view = pattern.callback
    has = getattr(view, "actions", None) or dir(getattr(view, "cls", None))
    return not hasattr(view, "cls") or method.lower() in has
