"""Where a job's time went, read from its own resource. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from datetime import datetime
from typing import Any


def phases_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds: `waited` for a worker, `planned`, `drove` from the plan to the last node's end; `plan`, the planning's
    own steps; `nodes`, the steps of the nodes' parts, in the middle and the longest."""
    ended = max((target["ended_at"] for target in job["targets"] if target["ended_at"]), default=job["ended_at"])
    return {
        "waited": _between(job["created_at"], job["started_at"]),
        "planned": _between(job["started_at"], job["planned_at"]),
        "drove": _between(job["planned_at"], ended),
        "plan": dict(job.get("phases", {})),
        "nodes": _of_nodes([target.get("phases", {}) for target in job["targets"]]),
    }


def _of_nodes(each: list[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    names = dict.fromkeys(name for phases in each for name in phases)
    found = {name: [phases.get(name, 0.0) for phases in each] for name in names}
    return {
        name: {"median": round(statistics.median(values), 3), "longest": round(max(values), 3)}
        for name, values in found.items()
    }


def _between(first: str | None, then: str | None) -> float | None:
    if first is None or then is None:
        return None
    return round((datetime.fromisoformat(then) - datetime.fromisoformat(first)).total_seconds(), 3)
