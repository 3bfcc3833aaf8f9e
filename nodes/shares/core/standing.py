"""Whether a folder is where it is set, and whether what a share test found of it still says something. Pure."""

from __future__ import annotations

from collections.abc import Mapping

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


def lies_on(path: str, share: UncPath) -> bool:
    """Whether a path, as text, is on that share; no for what is no path on a share."""
    try:
        return UncPath.parse(path).root == share
    except UncError:
        return False


def lies_on_server(path: str, server: str) -> bool:
    """Whether a path, as text, is on the file server of that name; no for what is no path on a share."""
    try:
        return UncPath.parse(path).server.casefold() == server.casefold()
    except UncError:
        return False


def is_at(path: str, wanted: UncPath, mounts: Mapping[UncPath, str]) -> bool:
    """Whether a path, as a node spells it, is a folder of a share: by its UNC path, or below its mount point."""
    mounted = mounts.get(wanted.root)
    below = mounted is not None and path.rstrip("/") == "/".join([mounted.rstrip("/"), *wanted.folders])
    return below or lies_at(path, wanted)


def has_failed(state: str, reason: str) -> bool:
    """Whether a folder was found not to work, and not only not to be testable."""
    return state == FAILED and reason not in NOT_ASKED
