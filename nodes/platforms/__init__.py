"""How each operating system is spoken to. Pure."""

from __future__ import annotations

from nodes.platforms.base import Platform
from nodes.platforms.posix import PosixPlatform
from nodes.platforms.windows import WindowsPlatform

_PLATFORMS: dict[str, Platform] = {driver.name: driver for driver in (PosixPlatform(), WindowsPlatform())}


def platform_named(name: str) -> Platform:
    """The driver of that name. Raises ValueError naming the known ones."""
    driver = _PLATFORMS.get(name)
    if driver is None:
        raise ValueError(f"There is no platform {name!r}; use one of: {', '.join(sorted(_PLATFORMS))}.")
    return driver
