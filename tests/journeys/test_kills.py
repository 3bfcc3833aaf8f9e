"""kill -9 at every step boundary, at random moments, of the broker, and by production's numbers: repaired every time.

The boundaries are those named in the code, so a new one is killed at, too. A death is mostly waited for, so several
portals die beside each other.
"""

from __future__ import annotations

import queue
import random
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from celery import Celery
from kombu import Connection

from tests import deadlines
from tests.deadlines import wait_for
from tests.journeys.conftest import stages
from tests.journeys.portal import REPO, SHORT_LEASES
from tests.journeys.ward import FULL, Ward

BOUNDARY = re.compile(r"\b(?:boundary|reached)\(\"([a-z-]+)\"\)")
SEEDS = range(20) if FULL else range(3)
PORTALS = 2
PATIENCE = 1200
"""Seconds that a scenario may take with all that are done before it; each has shorter deadlines of its own."""


WALKED = ("jobs/planning.py", "jobs/driving.py", "configuration/job/*.py", "files/apply/*.py")
"""The engine and what replicating is made of; another kind of job has a story of its own."""

KNOWN_BOUNDARIES = 25


def named_boundaries() -> list[str]:
    """Every boundary that a replication can reach."""
    sources = (path.read_text() for pattern in WALKED for path in (REPO / "replication").glob(pattern))
    found = sorted({name for source in sources for name in BOUNDARY.findall(source)})
    assert len(found) >= KNOWN_BOUNDARIES, f"only {found}: has a folder of the walk moved?"
    return found


def seen_in_one_story(ward: Ward) -> Counter[str]:
    """How often one job reaches each boundary."""
    ward.seen.unlink(missing_ok=True)
    ward.all_ready()
    ward.change()
    ward.heal(ward.stage.request())
    return Counter(ward.seen.read_text().split())


def die_at(ward: Ward, boundary: str) -> None:
    """At its first occurrence; in a full run at every one."""
    times = seen_in_one_story(ward)[boundary] if FULL else 1
    for count in range(1, times + 1):
        ward.heal(ward.request_and_die(boundary, count))


def die_at_any_moment(ward: Ward, seed: int) -> None:
    """One worker or both."""
    chance = random.Random(seed)
    ward.all_ready()
    ward.change()
    job = ward.stage.request()
    time.sleep(chance.uniform(0.0, 1.5))
    for name in chance.sample(ward.workers(), chance.choice((1, 2))):
        ward.stage.portal.processes[name].send_signal(signal.SIGKILL)
        ward.stage.portal.processes[name].wait(deadlines.PATIENCE)
    assert ward.replace_dead()
    ward.heal(job)


def lose_the_broker(ward: Ward, *, when: str, forgetful: bool) -> None:
    """Redis dies while the job is in a state, and comes back; a forgetful one without any message."""
    ward.all_ready()
    ward.change()
    job, portal = ward.stage.request(), ward.stage.portal
    ward.stage.wait_state(job, when, "succeeded")
    portal.kill("redis")
    if forgetful:
        shutil.rmtree(portal.data / "appendonlydir")
    portal.start_redis()
    ward.heal(job)
    everybody_works(ward)


def ask_without_a_broker(ward: Ward) -> None:
    """A request while Redis is away is taken, and done once it is back."""
    ward.all_ready()
    ward.change()
    ward.stage.portal.kill("redis")
    job = ward.stage.request()
    ward.stage.portal.start_redis()
    ward.heal(job)
    everybody_works(ward)


def everybody_works(ward: Ward) -> None:
    """No worker ended, and each takes messages again."""
    url, wanted = f"redis://127.0.0.1:{ward.stage.portal.redis_port}/0", len(ward.workers())

    def all_answer() -> bool:
        # a connection of its own each time: one from kombu's pool may still be the dead broker's
        with Celery("asking", broker=url, set_as_current=False) as app, Connection(url) as connection:
            return len(app.control.ping(timeout=5, limit=wanted, connection=connection)) == wanted

    try:
        wait_for("all workers answer", all_answer)
    except AssertionError as error:
        raise AssertionError(f"{error}; ended: {ward.dead()}\n{ward.stage.portal.logs()}") from None
    assert ward.dead() == []


def lose_the_web(ward: Ward) -> list[dict[str, Any]]:
    """While a job is done. Answers its events."""
    ward.all_ready()
    ward.change()
    job = ward.stage.request()
    ward.stage.portal.kill("web")
    ward.stage.portal.start_web()
    ward.heal(job)
    return events_of(ward, job)


def events_of(ward: Ward, job: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ward.stage.portal.ok("GET", f"jobs/{job}/events?limit=200")["results"]
    return found


def reach_every_boundary(ward: Ward) -> None:
    """Or a death at it would prove nothing."""
    assert set(seen_in_one_story(ward)) == set(named_boundaries())


SCENARIOS: dict[str, Callable[[Ward], None]] = {
    "one story reaches every boundary": reach_every_boundary,
    **{f"worker at {name}": partial(die_at, boundary=name) for name in named_boundaries()},
    **{f"workers at moment {seed}": partial(die_at_any_moment, seed=seed) for seed in SEEDS},
    "broker while planning": partial(lose_the_broker, when="planning", forgetful=False),
    "broker while running": partial(lose_the_broker, when="running", forgetful=False),
    "forgetful broker": partial(lose_the_broker, when="requested", forgetful=True),
    "broker before the request": ask_without_a_broker,
}


def open_ward(*, slow: bool = False) -> tuple[Ward, ExitStack]:
    """A ward, and what closes it."""
    with ExitStack() as closing:
        make = closing.enter_context(stages())
        environment = {} if slow else SHORT_LEASES
        ward = Ward(make(workers=0, files=72, slow=slow, environment=environment))  # so many that no batch brakes
        closing.callback(ward.close)
        ward.open()
        return ward, closing.pop_all()


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(PORTALS + 1, "deaths")
    yield pool
    pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module", autouse=True)
def production_death(pool: ThreadPoolExecutor, request: pytest.FixtureRequest) -> Future[dict[str, Any]] | None:
    """A death by production's numbers takes most of a minute: it happens beside all the others."""
    wanted = any(word in item.name for item in request.session.items for word in ("within_a_minute", "of_the_web"))
    return pool.submit(die_in_production) if wanted else None


def die_in_production() -> dict[str, Any]:
    """By the numbers that are built in."""
    ward, closing = open_ward(slow=True)
    with closing:
        without_web = lose_the_web(ward)
        job = ward.request_and_die("staged-verified")
        died = time.time()
        ward.heal(job)
        return {"died": died, "events": events_of(ward, job), "without_web": without_web}


@pytest.fixture(scope="module")
def deaths(pool: ThreadPoolExecutor, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[None]]]:
    """Every scenario that was collected, each on the ward that is free first."""
    calls = (getattr(item, "callspec", None) for item in request.session.items)
    wanted = [call.params["scenario"] for call in calls if call is not None and "scenario" in call.params]
    free: queue.Queue[Ward] = queue.Queue()

    def run(scenario: str) -> None:
        ward = free.get()
        try:
            SCENARIOS[scenario](ward)
        finally:
            free.put(ward)

    with ExitStack() as closing:
        for opening in [pool.submit(open_ward) for _ in range(min(PORTALS, len(wanted)))]:
            ward, its_closing = opening.result(PATIENCE)
            closing.push(its_closing.__exit__)
            free.put(ward)
        futures = {scenario: pool.submit(run, scenario) for scenario in wanted}
        yield futures
        for future in futures.values():
            future.cancel()
        for _ in range(min(PORTALS, len(wanted))):
            free.get(timeout=deadlines.PATIENCE)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_death_of(deaths: dict[str, Future[None]], scenario: str) -> None:
    deaths[scenario].result(PATIENCE)


def test_nobody_who_works_notices_the_death_of_the_web(production_death: Future[dict[str, Any]]) -> None:
    """By production's leases: a busy machine makes nobody late."""
    codes = {event["code"] for event in production_death.result(PATIENCE)["without_web"]}
    assert "job.succeeded" in codes
    assert "target.worker_died" not in codes


def test_a_death_is_noticed_and_repaired_within_a_minute(production_death: Future[dict[str, Any]]) -> None:
    found = production_death.result(PATIENCE)
    moments = {event["code"]: datetime.fromisoformat(event["at"]).timestamp() for event in found["events"]}
    noticed, repaired = (moments[code] - found["died"] for code in ("target.worker_died", "job.succeeded"))
    print(f"noticed after {noticed:.1f} s, repaired after {repaired:.1f} s")
    assert 5 < noticed < deadlines.promised(45), found
    assert repaired < deadlines.promised(60), found
