"""Light, dark or as the system says: kept in a cookie of the browser, not in the account."""

from __future__ import annotations

from collections.abc import Mapping

THEMES = ("light", "dark", "auto")
COOKIE = "theme"


def chosen_theme(cookies: Mapping[str, str]) -> str:
    """The theme a browser chose; "auto" where it chose none or something unknown."""
    theme = cookies.get(COOKIE, "auto")
    return theme if theme in THEMES else "auto"
