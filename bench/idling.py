"""The bench `idle`: what a portal costs while nothing happens; its cluster is in sync and watched."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from bench.meter import Meter
from bench.nodes import Size, made_nodes
from bench.portal import Portals
from bench.results import Result
from bench.watching import PROFILE

HOUR = 3600.0


def measure_idle(portals: Portals, place: Path, size: Size, seconds: float, warm_up: float) -> Result:
    """Look on for so many seconds, once `warm_up` seconds have passed since the last job."""
    with portals() as portal, made_nodes(portal, place / "idle", size, watch=True, profile=PROFILE) as nodes:
        nodes.replicate()
        time.sleep(warm_up)
        meter, started = Meter(portal, nodes.ports), time.monotonic()
        time.sleep(seconds)
        cost, span = meter.read(), time.monotonic() - started
        hours = span / HOUR
        return Result(
            case="idle",
            nodes=size.nodes,
            files=size.files,
            bytes=nodes.tree.bytes,
            ours=(),
            sent=cost.sent,
            more={
                "span_s": round(span, 1),
                "processor_percent": {name: round(100 * used / span, 2) for name, used in cost.processor.items()},
                "peak_bytes": dict(cost.peak),
                "written_bytes_hour": _an_hour(cost.written, hours),
                "commits_hour": round(cost.commits / hours),
                "rows_hour": _an_hour(cost.rows, hours),
            },
        )


def _an_hour(counts: Mapping[str, int], hours: float) -> dict[str, int]:
    return {name: round(count / hours) for name, count in counts.items()}
