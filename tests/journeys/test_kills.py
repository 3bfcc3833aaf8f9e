"""kill -9 at every step boundary, at random moments, and by production's numbers: the job ends and all nodes are equal.

The boundaries are those named in the code, so a new one is killed at, too.
"""

from __future__ import annotations

import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import Stage, stages
from tests.journeys.portal import REPO
from tests.journeys.ward import FULL, Ward

BOUNDARY = re.compile(r"\b(?:boundary|reached)\(\"([a-z-]+)\"\)")
PRODUCTION = {
    f"CLUSTERPORTAL_{name}": str(value)
    for name, value in (("LEASE", 20), ("OPERATION", 10), ("RENEW", 5), ("SWEEP", 10))
}
RANDOM_SEEDS = range(20) if FULL else range(3)


def named_boundaries() -> list[str]:
    """Every boundary that the code names, in no particular order."""
    sources = (path.read_text() for path in (REPO / "replication").rglob("*.py"))
    return sorted({name for source in sources for name in BOUNDARY.findall(source)})


@pytest.fixture(scope="module", autouse=True)
def production_death() -> Iterator[Future[dict[str, Any]]]:
    """A death by production's numbers takes most of a minute: it happens beside all the others."""
    with ThreadPoolExecutor(1, "production") as pool:
        yield pool.submit(_die_in_production)


def _die_in_production() -> dict[str, Any]:
    with stages() as make:
        ward = Ward(make(workers=0, environment=PRODUCTION, files=48))
        try:
            ward.open()
            job = ward.request_and_die("staged-verified")
            died = time.time()
            ward.heal(job, seconds=90)
            return {"died": died, "events": ward.stage.portal.ok("GET", f"jobs/{job}/events?limit=200")["results"]}
        finally:
            ward.close()


@pytest.fixture(scope="module")
def ward(new_module_stage: Any) -> Iterator[Ward]:
    stage: Stage = new_module_stage(workers=0, files=48)
    stage.portal.environment["SEEN"] = str(stage.folder / "seen")
    ward = Ward(stage)
    ward.open()
    yield ward
    ward.close()


def seen_in_one_story(ward: Ward) -> Counter[str]:
    """How often one job reaches each boundary."""
    seen = Path(ward.stage.portal.environment["SEEN"])
    seen.unlink(missing_ok=True)
    ward.all_ready()
    ward.change()
    ward.heal(ward.stage.request())
    return Counter(seen.read_text().split())


def test_one_story_reaches_every_boundary(ward: Ward) -> None:
    assert set(seen_in_one_story(ward)) == set(named_boundaries())


@pytest.mark.parametrize("boundary", named_boundaries())
def test_kill_at(ward: Ward, boundary: str) -> None:
    times = seen_in_one_story(ward)[boundary] if FULL else 1
    for count in range(1, times + 1):
        ward.heal(ward.request_and_die(boundary, count))


@pytest.mark.parametrize("seed", RANDOM_SEEDS)
def test_kill_at_any_moment(ward: Ward, seed: int) -> None:
    chance = random.Random(seed)
    ward.all_ready()
    ward.change()
    job = ward.stage.request()
    time.sleep(chance.uniform(0.0, 1.5))
    for name in chance.sample(ward.workers(), chance.choice((1, 2))):
        ward.stage.portal.processes[name].send_signal(signal.SIGKILL)
        ward.stage.portal.processes[name].wait(10)
    assert ward.replace_dead()
    ward.heal(job)


def test_a_death_is_noticed_and_repaired_within_a_minute(production_death: Future[dict[str, Any]]) -> None:
    found = production_death.result(timeout=150)
    moments = {event["code"]: datetime.fromisoformat(event["at"]).timestamp() for event in found["events"]}
    noticed, repaired = (moments[code] - found["died"] for code in ("target.worker_died", "job.succeeded"))
    print(f"noticed after {noticed:.1f} s, repaired after {repaired:.1f} s")
    assert 5 < noticed < 45, found
    assert repaired < 60, found
