"""How long to wait before the next try."""

from __future__ import annotations

import random

FIRST, LONGEST = 5.0, 300.0
"""Seconds before the second try, and at most between two."""

QUICK_TRIES = 3
"""Tries made at once, a second or two apart, before the target is said to wait."""


def wait_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 5 s doubling to 5 min, by up to a quarter less or more, so that
    many targets do not come back in the same instant."""
    steady = min(LONGEST, FIRST * 2.0 ** min(max(failures - 1, 0), 10))
    return min(LONGEST, steady * random.uniform(0.75, 1.25))  # noqa: S311 - spreads load, hides nothing


def short_wait() -> float:
    """Seconds before a quick try."""
    return random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, hides nothing
