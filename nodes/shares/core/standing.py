"""Whether what a share test found still says something of a folder. Pure."""

from __future__ import annotations

from nodes.platforms.unc import UncError, UncPath

DAY = 86400.0
TEST_LASTS = 30 * DAY
"""Seconds that a test tells something: rights, passwords and file servers change."""

OK, FAILED = "ok", "failed"
"""States, in the words of `nodes.enums.CellState`."""

NOT_ASKED = frozenset({"node_away", "no_credentials"})
"""Reasons that say nothing of what the node's own services can do."""


def lies_at(path: str, place: UncPath) -> bool:
    """Whether a path, as text, is that place; no for what is no path on a share."""
    try:
        return UncPath.parse(path) == place
    except UncError:
        return False


def has_failed(state: str, reason: str) -> bool:
    """Whether a folder was found not to work, and not only not to be testable."""
    return state == FAILED and reason not in NOT_ASKED
