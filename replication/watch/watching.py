"""The watches that a worker holds from look to look: one thread that lives as long as the worker sees to them all.

It asks the database again and again, without writing, whether anything is due that nobody holds, and whether somebody
signalled; between looks it waits by a clock that nobody sets. Nothing is lost with it: another worker takes over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.database import fault
from nodes.leases.errors import LeaseLost
from nodes.leases.lease import LeaseKeeper
from nodes.leases.worker import SHUTTING_DOWN, TICK, worker_name
from replication.watch.models import Watch
from replication.watch.poller import Held, LookLease, held_since, look_at
from replication.watch.services import claim_looks, finish_look, watches_to_see_to

_LOG = logging.getLogger(__name__)

POLL = 2.0
"""Seconds between two questions to the database, at most; it is asked before each look, too."""

CLAIMED_AT_ONCE = 8
"""Watches that a worker claims with one question, so that others get some, too."""

THREADS = 1000
"""No limit that anybody meets: a cluster has one look at a time, and one that hangs must be in no other's way."""

_WOKEN = threading.Event()
_SIGNALLED = threading.Event()


def wake() -> None:
    """Have the database asked at once, by the thread of this process."""
    _SIGNALLED.set()
    _WOKEN.set()


class Watching(threading.Thread):
    """Sees to the watches until the worker is told to end."""

    def __init__(self) -> None:
        super().__init__(name="watching", daemon=True)
        self._watches = Watches()

    def run(self) -> None:
        """Turn after turn; at the end all watches are given back."""
        try:
            while not SHUTTING_DOWN.is_set():
                wait = self._turn()
                _WOKEN.wait(wait)
                _WOKEN.clear()
        finally:
            self._watches.close()
            connections.close_all()

    def _turn(self) -> float:
        try:
            return self._watches.turn()
        except DatabaseError as error:
            _LOG.warning("the watch cannot ask the database: %s", error, exc_info=fault(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the next turn may be better
            _LOG.error("the watch stumbled", exc_info=error)
        connections.close_all()
        return POLL


class Watches:
    """What one thread holds and sees to."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}
        self._looking: dict[int, tuple[LookLease, Future[Held | None]]] = {}
        self._keeper = LeaseKeeper[LookLease]()
        self._connections: list[BaseDatabaseWrapper] = []
        self._pool = ThreadPoolExecutor(THREADS, "watch", self._connected)
        self._ask_at = 0.0

    def turn(self) -> float:
        """See to all that is to be done now. Answers seconds until there may be more."""
        self._reap()
        if _SIGNALLED.is_set() or time.monotonic() >= self._ask_at or self._due():
            _SIGNALLED.clear()
            self.ask()
        for pk in self._due():
            self._begin(pk)
        self._keeper.tick()
        return self._wait()

    @property
    def held(self) -> Collection[int]:
        """The watches that are held."""
        return self._held.keys()

    def close(self) -> None:
        """End the looks under way, and give all watches back, so that the next worker need not wait for their end."""
        for lease, _ in self._looking.values():
            lease.stop(LeaseLost("its worker is ending"))
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()
        self._reap()
        self._let_go(list(self._held))

    def _connected(self) -> None:
        """In each thread of the pool, as it begins: its connection lasts as long as the pool, for to connect takes as
        long as to ask."""
        connection = connections[DEFAULT_DB_ALIAS]
        connection.inc_thread_sharing()  # `close` closes it, from another thread
        self._connections.append(connection)

    def ask(self) -> None:
        """What the database says of the watches that are held, or could be."""
        self._ask_at = time.monotonic() + POLL
        rows = {row.pk: row for row in watches_to_see_to(self._held)}
        claims = {pk: held.look.claim for pk, held in self._held.items()}
        self._let_go([pk for pk, claim in claims.items() if pk not in rows or rows[pk].fence != claim.fence])
        self._held = {pk: held.seen(rows[pk]) for pk, held in self._held.items()}
        if rows.keys() - self._held.keys():
            self._claim()

    def _claim(self) -> None:
        for look in claim_looks(worker_name(), limit=CLAIMED_AT_ONCE):
            pk = look.claim.pk
            self._held[pk] = held_since(look, Watch.objects.select_related("memory").get(pk=pk))

    def _let_go(self, gone: Collection[int]) -> None:
        """Give back what is not to be looked at any more; what another worker took over is let go of."""
        for pk in gone:
            held = self._held.pop(pk)
            if pk in self._looking:
                self._looking[pk][0].stop(LeaseLost("it is not to be looked at any more"))
            try:
                finish_look(held.look, again_in=max(0.0, held.due - time.monotonic()))
            except LeaseLost as error:
                _LOG.info("watch of cluster %s: %s", held.look.cluster_id, error)

    def _due(self) -> list[int]:
        """The watches whose looks are due and can begin."""
        moment = time.monotonic()
        return [pk for pk, held in self._held.items() if held.due <= moment and pk not in self._looking]

    def _begin(self, pk: int) -> None:
        held = self._held[pk] = self._held[pk].beginning()
        lease = LookLease(held.look.claim)
        self._keeper.add(lease)
        future = self._pool.submit(look_at, held, lease)
        self._looking[pk] = (lease, future)
        future.add_done_callback(lambda _: _WOKEN.set())

    def _reap(self) -> None:
        """Take in the looks that ended."""
        for pk, (lease, future) in list(self._looking.items()):
            if not future.done():
                continue
            del self._looking[pk]
            self._keeper.remove(lease)
            ended = future.result()
            if pk not in self._held or self._held[pk].look.claim.fence != lease.fence:
                continue
            if ended is None:
                del self._held[pk]
            else:
                self._held[pk] = ended

    def _wait(self) -> float:
        if self._looking:
            return TICK
        moment = time.monotonic()
        return max(0.0, min([self._ask_at, *(held.due for held in self._held.values())]) - moment)
