"""How long tests wait: one number, so large that only what hangs reaches it, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 120.0
"""Seconds. No promise of the portal's: where one is tested, the test says its own number."""

Found = TypeVar("Found")


def wait_for(
    what: str, condition: Callable[[], Found | None], seconds: float = PATIENCE, *, pause: float = 0.03
) -> Found:
    """The first true value of `condition`, asked every `pause` seconds; fails by name after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(pause)
