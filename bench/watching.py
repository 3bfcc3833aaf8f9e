"""The bench `watch`: from a change on the primary to its proof on all nodes, found by the watch and asked by nobody."""

from __future__ import annotations

import random
import time
from functools import partial
from pathlib import Path

from bench.nodes import LONGEST, Nodes, Size, made_nodes
from bench.portal import PRODUCTS, Portals
from bench.results import Result, share
from nodes.products.loading import load_profile
from tests.deadlines import wait_for

PROFILE = "mdaemon"
"""The delivered one: what is measured is what an operator sees."""


def measure_watch(portals: Portals, place: Path, size: Size, changes: int, name: str = PROFILE) -> Result:
    """So many changes, one after the other, at moments that have nothing to do with the watch's own turns. `name`: of
    the profile."""
    profile = load_profile(name, str(PRODUCTS))
    with portals() as portal, made_nodes(portal, place / "watched", size, watch=True, profile=name) as nodes:
        last = nodes.replicate().job["id"]
        chance = random.Random(size.seed)
        seconds = []
        for number in range(changes):
            time.sleep(chance.uniform(0, profile.watch_seconds))
            took, last = _until_proven(nodes, number, last)
            seconds.append(took)
        return Result(
            case="change to proof, watched",
            nodes=size.nodes,
            files=size.files,
            bytes=nodes.tree.bytes,
            ours=seconds,
            more={
                "p50_s": round(share(seconds, 50), 3),
                "p95_s": round(share(seconds, 95), 3),
                "waits_s": {
                    "look": profile.watch_seconds,
                    "stable": profile.stable_seconds,
                    "settle": profile.settle_seconds,
                },
            },
        )


def _until_proven(nodes: Nodes, number: int, last: int) -> tuple[float, int]:
    """Seconds from one change, each of another file, to the end of the job that brought it to all nodes, and that job's
    number. `last`: the newest job so far."""
    path = nodes.tree.files[number % (len(nodes.tree.files) - 1)]
    started = time.time()
    with path.open("ab") as file:
        file.write(f"; change {number}\r\n".encode())
    while True:
        last = wait_for("the watch asks for a job", partial(nodes.job_after, last), LONGEST)
        done = nodes.until_proven(last, started)
        if nodes.all_have(path):
            return done.seconds, last
