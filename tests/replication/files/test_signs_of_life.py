"""What takes longer than a lease and moves on keeps it: nobody takes over what a living worker does."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import settings as real
from django.db.models import F

from nodes.connection.connect import NodeLink
from nodes.leases import claims
from nodes.leases import lease as leases
from nodes.leases.errors import LeaseLost
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.products.loading import load_profile
from nodes.temp_names import PREFIX
from replication.files.apply import bundles
from replication.files.apply.bundles import Item, bundle_of
from replication.files.apply.context import Context
from replication.files.apply.leftovers import sweep as sweep_leftovers
from replication.files.apply.staging import Staged, _set_times, clean_up
from replication.files.core.batches import AT_ONCE
from replication.files.core.changes import Change, ChangeKind, Wanted
from replication.files.core.paths import RelPath
from replication.jobs import wake
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.interruptions import Cancelled
from replication.jobs.lease import ClaimedLease
from replication.jobs.models import Job, Target
from replication.jobs.services.claims import claim_targets
from replication.jobs.services.recovery import sweep
from replication.objects import Store
from tests.deadlines import PATIENCE, wait_for
from tests.factories import make_cluster, make_node
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.threads import Thread

LEASE, OPERATION, RENEW = 20.0, 10.0, 5.0
STEP = 6.0
"""Seconds that one piece of work takes: less than the lease allows without a sign of life."""
STEPS = 8
"""So many pieces take longer than a lease and the wait for a takeover."""


@dataclass(slots=True)
class Worker:
    """A worker with one target, on a clock of its own; `keeper` is what the engine's own thread does meanwhile."""

    target: Target
    ahead: float = 0.0
    lease: Any = None
    keeper: leases.LeaseKeeper[Any] = field(default_factory=leases.LeaseKeeper)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def begins(self) -> None:
        (claim, _) = claim_targets(self.target.job, 1, owner="one", resources=())[0]
        self.lease = ClaimedLease(claim, node_id=self.target.node_id)
        self.keeper.add(self.lease)

    def takes_long(self, *_: object) -> None:
        """One piece of work: the time passes by the worker's clock and the database's, and a sweep comes by."""
        self.keeper.tick()
        self.ahead += STEP
        Target.objects.filter(pk=self.target.pk).update(lease_until=F("lease_until") - timedelta(seconds=STEP))
        assert sweep().targets_taken_over == 0

    def is_alive(self) -> None:
        self.lease.check()
        assert Target.objects.get(pk=self.target.pk).state == TargetState.RUNNING


@pytest.fixture
def worker(transactional_db, settings, monkeypatch) -> Worker:
    monkeypatch.setattr(wake, "_send", lambda *_: None)
    settings.PORTAL = replace(real.PORTAL, lease=LEASE, operation=OPERATION, renew=RENEW)
    node = make_node(make_cluster())
    job = Job.objects.create(kind="toy", cluster=node.cluster, requester="system", state=JobState.RUNNING)
    made = Worker(Target.objects.create(job=job, node=node))
    for module in (claims, leases):
        monkeypatch.setattr(module, "time", made)
    made.begins()
    return made


class SlowStore(Store):
    """`each` is called before every chunk that it gives."""

    each: Callable[[], None] = staticmethod(lambda: None)

    def stream(self, id_: str) -> Iterator[bytes]:
        for chunk in super().stream(id_):
            self.each()
            yield chunk

    def streams(self, sizes: Iterable[tuple[str, int]]) -> Iterator[Iterator[bytes]]:
        return (self.stream(id_) for id_, _ in sizes)


class SlowSession(FakeSession):
    """`each` is called before every request for many files and after every chunk."""

    each: Callable[[], None] = staticmethod(lambda: None)

    def write_new(self, path: str, chunks: Any, *, progress: Any = None) -> Any:
        def slow(count: int) -> None:
            self.each()
            if progress is not None:
                progress(count)

        return super().write_new(path, chunks, progress=slow)

    def _each(self, items: Any, act: Any) -> Any:
        assert len(items) <= AT_ONCE
        self.each()
        return super()._each(items, act)


@pytest.fixture
def store(transactional_db: None) -> SlowStore:
    return SlowStore()


def context(store: Store, session: FakeSession, guard: Any) -> Context:
    capabilities = Capabilities(can_hash=False, can_untar=True)
    link = NodeLink(session, platform_named("posix"), "/srv/mail", capabilities, 1, "mx1")
    return Context(link, load_profile("mdaemon"), store, guard, "1.7")


def contents(store: Store, count: int) -> tuple[Item, ...]:
    made = [f"file {number}".encode() for number in range(count)]
    return tuple(Item(str(number), store.put(data), len(data), 0) for number, data in enumerate(made))


def test_a_bundle_that_takes_longer_than_a_lease_is_built_by_whoever_began_it(worker, store):
    wanted = contents(store, STEPS)
    store.each = worker.takes_long
    bundle_of(store, wanted, worker.lease)
    worker.is_alive()


def test_who_is_cancelled_builds_no_further(worker, store):
    wanted = contents(store, STEPS)
    store.each = lambda: worker.lease.stop(Cancelled("somebody"))
    with pytest.raises(Cancelled):
        bundle_of(store, wanted, worker.lease)


@dataclass
class Waiting:
    """The guard of whoever waits for another's bundle. `signs` of life that it gave."""

    signs: int = 0

    def check(self) -> None:
        self.signs += 1

    def has_given(self, signs: int) -> bool:
        return self.signs >= signs

    def progress(self, **_: object) -> None: ...


def test_who_waits_for_a_bundle_lives_as_long_as_it_grows(store, monkeypatch):
    monkeypatch.setattr(bundles, "WAIT_SECONDS", 0.005)
    wanted = contents(store, 3)
    turn = threading.Semaphore(0)
    first: Any = Waiting()
    waits: Any = Waiting()
    store.each = lambda: turn.acquire(timeout=PATIENCE)
    builds = Thread(partial(bundle_of, store, wanted, first))
    builds.start()
    wait_for("it is being built", bundles._BUILDER.lock.locked)
    follows = Thread(partial(bundle_of, store, wanted, waits))
    follows.start()
    for signs in (1, 2, 3):
        wait_for("a sign of life for what was added", partial(waits.has_given, signs))
        turn.release()
    builds.done()
    follows.done()
    assert waits.signs <= 4  # one for each chunk, and for the first look


def wanted_at(store: Store, number: int, content: bytes) -> Change:
    digest = hashlib.sha256(content).hexdigest()
    store.put(content)
    wanted = Wanted(digest, len(content), 10**18, shared=False)
    return Change(ChangeKind.ADD, RelPath(f"App/{number}.grp"), wanted, None)


def test_times_and_tidying_of_thousands_of_files_are_signs_of_life(worker, store):
    session = SlowSession(FakeDisk())
    one = wanted_at(store, 0, b"the same")
    changes = [replace(one, path=RelPath(f"App/{number}.grp")) for number in range(AT_ONCE * STEPS)]
    staged = Staged({change.path: f"staged/{change.path}" for change in changes})
    for place in staged.places.values():
        session.disk.put(f"/srv/mail/{place}", b"the same")
    session.each = worker.takes_long
    here = context(store, session, worker.lease)
    _set_times(here, changes, staged)
    worker.is_alive()
    clean_up(here, staged, (), ())
    worker.is_alive()
    left = [f"{PREFIX}1.5s{number:x}" for number in range(AT_ONCE * STEPS)]
    sweep_leftovers(here, left, {}, lambda _edits: None)
    worker.is_alive()


def test_a_bundle_that_stands_still_is_taken_over(worker, store):
    wanted = contents(store, 2)

    def hangs() -> None:
        for _ in range(2 * STEPS):
            worker.keeper.tick()
            worker.ahead += STEP

    store.each = hangs
    with pytest.raises(LeaseLost):
        bundle_of(store, wanted, worker.lease)
