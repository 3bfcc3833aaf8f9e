"""Which versions can route mail over several nodes. Pure."""

from __future__ import annotations

import re

ROUTING_SINCE = (21, 0)
"""The first version with multi-node mail routing (source: vendor, "New in MDaemon 21.0")."""

_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")


def release_of(version: str) -> tuple[int, int] | None:
    """The first two numbers of a version's text; None where it holds none."""
    found = _VERSION.search(version)
    return (int(found[1]), int(found[2])) if found else None
