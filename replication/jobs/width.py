"""How wide a job is worked on: as many nodes at once as may be, and as memory allows."""

from __future__ import annotations

from django.conf import settings

FILES_AT_ONCE = 60_000
"""Files, or steps, of all nodes of a cluster that are in memory at once."""
LISTED = 0.25
"""What of a file a line of a listing takes."""
LEAST = 3
"""Nodes that are worked on at once however large their parts are."""


def at_once(each: float) -> int:
    """How many nodes are worked on at once that take `each` so many files."""
    most = settings.PORTAL.target_workers
    return max(min(LEAST, most), min(most, int(FILES_AT_ONCE / max(each, 1))))
