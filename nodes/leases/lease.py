"""A claim as its worker sees it: how long it holds by this process' own clock, and what stands against going on.

`LeaseKeeper` is the other half: it renews, in one transaction, the leases of those that made progress, and writes what
they report. A worker that hangs is not renewed; a worker whose process is cut off from the database runs into its own
deadline.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.db.models import Model

from accounts.database import fault
from nodes.leases.claims import Key, Renewal, RowClaim, holding, renew
from nodes.leases.errors import Interrupted, LeaseLost
from nodes.leases.worker import TICK

_LOG = logging.getLogger(__name__)

LOOK_EVERY = 0.5
"""Seconds between two looks of a keeper for what stands against going on."""

REPORT_EVERY = 1.0
"""Seconds between two writes of what a worker reports, so that pages follow."""

Note = TypeVar("Note")


class Lease(Generic[Note]):
    """One thread works under it, another one or the same keeps it. `Note`: what a worker reports to be kept in rows of
    its own. Nothing but `transaction` waits for the database."""

    def __init__(self, claim: RowClaim, *, report_every: float = REPORT_EVERY) -> None:
        self.claim = claim
        self._report_every = report_every
        self._lock = threading.Lock()
        self._expires = claim.expires
        self._renewed = time.monotonic()
        self._reported = self._renewed
        self._alive = False
        self._stop: Interrupted | None = None
        self._columns: dict[str, Any] = {}
        self._dirty = False
        self._notes: list[Note] = []
        self._sent: list[Note] = []

    @property
    def fence(self) -> int:
        """The claim's fence."""
        return self.claim.fence

    def check(self) -> None:
        """Call before each change on a node: raises what stands against it. LeaseLost one operation time-out before
        the lease could end by this process' own clock, and where it is known to be lost. Counts as a sign of life."""
        with self._lock:
            if time.monotonic() >= self._expires - settings.PORTAL.operation:
                raise LeaseLost("the lease could end before the next act on the node does")
            if self._stop is not None:
                raise self._stop
            self._alive = True

    def sign_of_life(self) -> None:
        """Some work was done."""
        with self._lock:
            self._alive = True

    def report(self, **columns: Any) -> None:
        """Work was done: columns of the row, written with the next renewal."""
        with self._lock:
            self._alive = self._dirty = True
            self._columns |= columns

    def note(self, *notes: Note) -> None:
        """Keep these until the next renewal writes them."""
        with self._lock:
            self._notes += notes

    def row_of(self, note: Note) -> Model:
        """The row that a note becomes."""
        raise NotImplementedError

    def transaction(self) -> AbstractContextManager[None]:
        """A transaction that holds the claim."""
        return holding(self.claim)

    def stop(self, reason: Interrupted | None) -> None:
        """Let the next check raise `reason`; None: nothing stands against going on any more. A lost lease stays
        lost."""
        with self._lock:
            if not isinstance(self._stop, LeaseLost):
                self._stop = reason

    def renewal(self) -> Renewal | None:
        """What to write now: if alive and due, or if there is something to report. None: nothing."""
        moment = time.monotonic()
        with self._lock:
            due = self._alive and moment - self._renewed >= settings.PORTAL.renew
            report = (self._dirty or self._notes) and self._alive and moment - self._reported >= self._report_every
            if not due and not report:
                return None
            self._reported = moment
            self._alive = self._dirty = False
            self._sent, self._notes = self._notes, []
            return Renewal(self.claim, dict(self._columns), [self.row_of(note) for note in self._sent])

    def renewed(self, expires: float | None) -> None:
        """Take in what came of a renewal; None: it could not be written, and what it reported waits for the next."""
        with self._lock:
            if expires is None:
                self._notes[:0] = self._sent
                self._alive = self._dirty = True
            else:
                self._renewed = time.monotonic()
                self._expires = expires
            self._sent = []

    def unwritten(self) -> tuple[Note, ...]:
        """The notes not yet written, to be written with the outcome."""
        with self._lock:
            notes, self._notes = tuple(self._notes), []
            return notes

    def columns(self) -> dict[str, Any]:
        """What was reported so far, written or not."""
        with self._lock:
            return dict(self._columns)


L = TypeVar("L", bound=Lease[Any])


class LeaseKeeper(Generic[L]):
    """Keeps the leases of what one thread waits for, or does. Call `tick` at least every half second meanwhile."""

    def __init__(self) -> None:
        self._leases: dict[Key, L] = {}
        self._looked = 0.0

    def add(self, lease: L) -> None:
        """Keep one more."""
        self._leases[lease.claim.key] = lease

    def remove(self, lease: L) -> None:
        """Its worker is through."""
        self._leases.pop(lease.claim.key, None)

    def attend(self, work: Collection[Future[Any]]) -> None:
        """Keep the leases until all of this work is done."""
        while wait(work, TICK).not_done:
            self.tick()

    def tick(self) -> None:
        """Look and renew, as far as it is time. A database that is away is logged; the leases then run out by
        themselves."""
        try:
            if time.monotonic() - self._looked >= LOOK_EVERY:
                self.look(list(self._leases.values()))
                self._looked = time.monotonic()
            self._renew()
        except DatabaseError as error:
            _LOG.warning("leases could not be renewed: %s", error, exc_info=fault(error))
            close_old_connections()

    def look(self, leases: list[L]) -> None:
        """Tell each lease what stands against going on (`Lease.stop`); by itself a keeper knows of nothing."""

    def _renew(self) -> None:
        due = [(lease, renewal) for lease in self._leases.values() if (renewal := lease.renewal())]
        if not due:
            return
        try:
            held = renew([renewal for _, renewal in due])
        except DatabaseError:
            for lease, _ in due:
                lease.renewed(None)
            raise
        for lease, _ in due:
            if (expires := held.get(lease.claim.key)) is None:
                lease.stop(LeaseLost("another worker took over"))
            else:
                lease.renewed(expires)
