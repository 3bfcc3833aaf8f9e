"""What a replication found that hashed every file anew, as data of its plan and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nodes.counted import many

HASHED = "hashed"
"""Under which name a plan's summary has it."""

SHOWN = 10
"""Files named; the numbers are of all."""


def hashed_anew(files: int, servers: int, hidden: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """How many files of how many servers were hashed, and which held something else although size and times were as
    last known: pairs of a server's name and a path."""
    first = [{"server": server, "path": path} for server, path in hidden[:SHOWN]]
    return {"files": files, "servers": servers, "hidden": len(hidden), "first": first}


def hashed_sentence(summary: Mapping[str, Any]) -> str:
    """The same for people, of a plan's summary; "" where files were not hashed anew."""
    found = summary.get(HASHED)
    if found is None:
        return ""
    start = f"{many(found['files'], 'file')} hashed anew on {many(found['servers'], 'server')}; "
    if not found["hidden"]:
        return start + "no change was hidden behind the same size and times."
    names = ", ".join(f"{one['path']!r} on {one['server']}" for one in found["first"])
    more = found["hidden"] - len(found["first"])
    tail = f" and {more} more" if more else ""
    return f"{start}{found['hidden']} had changed behind the same size and times: {names}{tail}."
