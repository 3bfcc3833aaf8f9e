"""The watch: look at a primary, and request an ordinary job for what changed there and has come to rest."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Never

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts.database import fault
from accounts.errors import Refused
from accounts.refusals import in_words
from nodes.clusters.models import Cluster
from nodes.enums import NodeRole
from nodes.errors import LimitBroken, NodeError
from nodes.facts.selectors.facts import profile_of
from nodes.leases.errors import LeaseLost
from nodes.leases.lease import Lease
from nodes.products.errors import ProfileError
from nodes.products.profile import Profile
from nodes.registry.models import Node
from nodes.registry.services.comparison import note_seen_behind
from nodes.registry.services.health import AWAY
from replication.watch.core.changes import Memory, Stamp, named
from replication.watch.core.decision import (
    Decision,
    DecisionInput,
    Tally,
    WatchStatus,
    decide,
    reason,
)
from replication.watch.detector import PollResult, look
from replication.watch.models import Watch
from replication.watch.selectors.served import (
    REFUSALS,
    JobsSeen,
    Served,
    jobs_seen,
    served_by_watch,
)
from replication.watch.services import Look, keep_look, request_for_look

_LOG = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
"""How long after a look that the database did not take there is another."""

GROUND_SECONDS = 10.0
"""How long a look that finds nothing may stand on what the database said before: what else changes there asks for no
haste."""

SCAN_SHARE = 20.0
"""The watch takes at most one part in so many of the time."""

AWAY_LONGEST, REFUSED_LONGEST = 60.0, 3600.0
"""Seconds between two looks at most where the primary cannot be reached, or refuses the portal."""
REFUSED_FIRST = 300.0
LIMIT_FIRST, LIMIT_LONGEST = 60.0, 600.0
"""The same where the primary breaks a limit, which takes a while to find out."""

OPTIONS_ROOM = 12_000
"""Characters of names of unstable files that fit a job's options."""


BY_THE_WAY = frozenset({"looked_at", "took"})
"""Columns that are not worth a commit of their own."""


class LookLease(Lease[Never]):
    """Held while looking; `replication.files.work_context.WorkContext` for reading only."""

    def progress(self, **changes: Any) -> None:
        """A look shows no progress."""
        self.sign_of_life()

    def event(self, level: str, code: str, text: str, data: Mapping[str, Any] | None = None) -> None:
        """A look has no log of its own: what it finds is in its row and in the jobs it requests."""

    def boundary(self, name: str) -> None:
        """A look is repeated, not resumed."""
        self.sign_of_life()


@dataclass(frozen=True, slots=True)
class Held:
    """A watch that this worker holds. `row`: as last read; `memory`: what the last look left, and `stored`: as much of
    it as its row has. `due`: when to look next, in seconds of this process' monotonic clock. `ground`: what the last
    looks stood on, as long as it is good, by the same clock, for another look that finds nothing."""

    look: Look
    row: Watch
    memory: Memory
    stored: Mapping[str, Any]
    due: float = 0.0
    ground: PollContext | None = None
    good_until: float = 0.0

    def seen(self, row: Watch) -> Held:
        """The same with the row as it is now; due at once where somebody signalled since the last look began."""
        if row.signals == self.look.signals:
            return replace(self, row=row)
        return replace(self, row=row, due=0.0, ground=None)

    def beginning(self) -> Held:
        """The same at the beginning of a look, which sees whatever was signalled before."""
        return replace(self, look=replace(self.look, signals=self.row.signals))


def held_since(look: Look, row: Watch) -> Held:
    """A watch that was just claimed."""
    kept = getattr(row, "memory", None)
    stored = kept.document if kept else {}
    return Held(look, row, Memory.kept_in(stored), stored)


def look_at(held: Held, lease: LookLease) -> Held | None:
    """Look once. None where the watch is another worker's by now."""
    try:
        return Watcher(held, lease).run()
    except LeaseLost as error:
        _LOG.warning("watch of cluster %s: %s", held.look.cluster_id, error)
        return None
    except DatabaseError as error:
        _LOG.warning("watch of cluster %s: %s", held.look.cluster_id, error, exc_info=fault(error))
        connection.close()  # the next look makes a new one
        return replace(held, due=time.monotonic() + AGAIN_SECONDS)


@dataclass(frozen=True, slots=True)
class PollContext:
    """What a look stands on: the cluster, its primary, the product profile, whom the watch serves, its jobs."""

    cluster: Cluster
    primary: Node
    profile: Profile
    served: Served
    jobs: JobsSeen


@dataclass(frozen=True, slots=True)
class Waiting:
    """There is nothing to look at yet; asked again in so many seconds."""

    sentence: str
    again_in: float


class Watcher:
    """One look at one primary, from the listing to the row. Each step is a method."""

    def __init__(self, held: Held, lease: LookLease) -> None:
        self.held = held
        self.look = held.look
        self.lease = lease
        self.row = held.row
        self.memory = held.memory

    def run(self) -> Held:
        """Look, decide, request, write what changed. Answers what is held until the next look. Raises LeaseLost."""
        try:
            return self._calm() or self._looked()
        except (NodeError, ProfileError) as error:
            return self._could_not_look(error)
        except (LeaseLost, DatabaseError):
            raise
        except Exception as error:  # noqa: BLE001 - one cluster's trouble must not end another's watch
            _LOG.error("the watch of cluster %s failed", self.look.cluster_id, exc_info=error)
            return self._could_not_look(error)

    def _calm(self) -> Held | None:
        """Look on the ground of the last look, where all was quiet. None where that is too old, or anything is new."""
        ground = self.held.ground
        if ground is None or time.monotonic() > self.held.good_until:
            return None
        try:
            sight = self._sight(ground)
        except LimitBroken:
            raise
        except (NodeError, ProfileError):
            return None  # what the database says now may tell why
        if sight.memory.pending or sight.settled.ready or sight.behind or _differ(sight.memory, self.memory):
            return None
        columns = {"looked_at": timezone.now(), "took": sight.took}
        ended = self._finish(columns, self._interval(ground, sight), sight.memory)
        return replace(ended, ground=ground, good_until=self.held.good_until)

    def _looked(self) -> Held:
        ground = self._ground()
        if isinstance(ground, Waiting):
            return self._finish({"mood": WatchStatus.HELD, "note": ground.sentence[:400]}, ground.again_in)
        return self._act(ground, self._sight(ground))

    def _sight(self, ground: PollContext) -> PollResult:
        return look(ground.primary, ground.profile, ground.served, self.memory, self.lease)

    def _ground(self) -> PollContext | Waiting:
        """Where to look, or why there is nothing to look at. Raises ProfileError."""
        cluster = Cluster.objects.get(pk=self.look.cluster_id)
        primary = cluster.nodes.filter(role=NodeRole.PRIMARY).select_related("facts").first()
        profile = profile_of(cluster)
        again_in = self.row.interval or profile.watch_seconds
        if primary is None:
            return Waiting("The cluster has no primary.", again_in)
        if primary.quarantined_reason:
            return Waiting(f"{primary.name} is quarantined: approve its host key.", again_in)
        jobs = jobs_seen(cluster)  # first: a job that was planned since has moved the reference, too
        served = served_by_watch(cluster)
        if not served.nodes or served.reference is None:
            return Waiting("Waits for the first replication, which a person requests and approves.", again_in)
        return PollContext(cluster, primary, profile, served, jobs)

    # --- what follows from what was seen ---

    def _act(self, ground: PollContext, sight: PollResult) -> Held:
        seen = ground.jobs
        tally = self._tally(sight.moment).after(seen.newest, sight.moment)
        taken = named(sight.settled, sight.memory, sight.moment, OPTIONS_ROOM)
        situation = DecisionInput(
            now=sight.moment,
            nodes=ground.served.nodes,
            behind=ground.served.behind,
            ready=taken.ready,
            asked=sight.memory.asked,
            asked_by=sight.memory.asked_by,
            active=seen.active,
            newest=seen.newest,
            tally=tally,
        )
        decision = decide(situation)
        again_in = self._next_look(ground, sight, decision)
        columns = {**self._seen(sight, tally), **self._waits(decision, sight)}
        if not decision.request and not sight.behind:
            ended = self._finish(columns, again_in, sight.memory)
            is_calm = columns["mood"] == WatchStatus.QUIET and not seen.active and not ground.served.behind
            return replace(ended, ground=ground, good_until=time.monotonic() + GROUND_SECONDS) if is_calm else ended
        with self.lease.transaction():
            note_seen_behind(sight.behind)
            requested, memory = self._requested(decision, situation, sight, taken.moving)
            return self._finish(columns | requested, again_in, memory)

    def _tally(self, now: float) -> Tally:
        row = self.row
        tally = Tally(row.jobs_counted, row.jobs_failed, row.retry_at, row.damped_until)
        return tally.set_back(max(0.0, self.memory.looked_at - now))

    @staticmethod
    def _waits(decision: Decision, sight: PollResult) -> dict[str, Any]:
        mood, note = decision.mood, decision.sentence
        if mood == WatchStatus.QUIET and sight.memory.pending:
            mood, note = WatchStatus.SETTLING, "A change is taken once two looks agree on it."
        return {"mood": mood, "note": note[:400]}

    def _requested(
        self, decision: Decision, situation: DecisionInput, sight: PollResult, unstable: tuple[str, ...]
    ) -> tuple[dict[str, Any], Memory]:
        """Request what is to be requested; the columns that say so, and the memory with what was asked for."""
        if not decision.request:
            return {}, sight.memory
        whom = sorted(decision.request)
        try:
            job = request_for_look(self.look, reason=decision.sentence, node_ids=whom, unstable=unstable)
        except (ValidationError, Refused) as error:
            return {"mood": WatchStatus.HELD, "note": f"A job was refused: {in_words(error)}"[:400]}, sight.memory
        columns: dict[str, Any] = {"note": f"Requested job #{job}.", "last_job_id": job}
        if not situation.ready:
            return columns, sight.memory
        columns |= {
            "last_change": reason(situation.ready).removeprefix("watch: ")[:300],
            "last_change_at": _moment(_first_seen(sight, situation.ready)),
        }
        return columns, replace(sight.memory, asked=dict(situation.ready), asked_by=job)

    def _seen(self, sight: PollResult, tally: Tally) -> dict[str, Any]:
        pending = sight.memory.pending
        return {
            "looked_at": timezone.now(),
            "took": sight.took,
            "pending": len(pending),
            "pending_since": _moment(min(one.since for one in pending.values())) if pending else None,
            "failures": 0,
            "error_code": "",
            "error": "",
            "jobs_counted": tally.counted,
            "jobs_failed": tally.failures,
            "retry_at": tally.retry_at,
            "damped_until": tally.damped_until,
        }

    def _next_look(self, ground: PollContext, sight: PollResult, decision: Decision) -> float:
        interval = self._interval(ground, sight)
        if decision.request or sight.settled.wait is None:
            return interval
        return min(interval, max(sight.settled.wait, self._took(sight)))

    def _interval(self, ground: PollContext, sight: PollResult) -> float:
        return max(self.row.interval or ground.profile.watch_seconds, SCAN_SHARE * self._took(sight))

    def _took(self, sight: PollResult) -> float:
        return min(sight.took, self.row.took) if self.row.took is not None else sight.took

    # --- where looking failed ---

    def _could_not_look(self, error: Exception) -> Held:
        failures = self.row.failures + 1
        known = isinstance(error, NodeError | ProfileError)
        code = getattr(error, "code", "profile" if known else "internal_error")
        text = str(error) if known else "The portal failed while looking. Its log says why."
        first, longest = 2.0, AWAY_LONGEST
        if code in REFUSALS:
            first, longest = REFUSED_FIRST, REFUSED_LONGEST
        elif code == LimitBroken.code:
            first, longest = LIMIT_FIRST, LIMIT_LONGEST
        wait = min(longest, first * 2.0 ** min(failures - 1, 10))
        columns = {
            "mood": WatchStatus.AWAY if isinstance(error, AWAY) else WatchStatus.CANNOT_LOOK,
            "note": f"The primary is looked at again in {wait:.0f} s.",
            "failures": failures,
            "error_code": code,
            "error": text[:400],
        }
        return self._finish(columns, wait)

    def _finish(self, columns: Mapping[str, Any], again_in: float, memory: Memory | None = None) -> Held:
        """Write what changed. A look that changed nothing writes as seldom as the lease allows."""
        memory = memory or self.memory
        stored = memory.to_json() if _differ(memory, self.memory) else self.held.stored
        is_news = any(getattr(self.row, name) != value for name, value in columns.items() if name not in BY_THE_WAY)
        left = self.look.claim.expires - time.monotonic() - again_in
        kept = self.look
        if is_news or stored != self.held.stored or left < settings.PORTAL.operation + settings.PORTAL.renew:
            document = stored if stored != self.held.stored else None
            kept = keep_look(self.look, columns, again_in=again_in, memory=document)
        return Held(kept, self.row, memory, stored, time.monotonic() + again_in)


def _differ(memory: Memory, before: Memory) -> bool:
    """Whether there is anything worth keeping; the moments of the look and of its tries are none."""
    return replace(memory, looked_at=0.0, tried_at=0.0) != replace(before, looked_at=0.0, tried_at=0.0)


def _first_seen(sight: PollResult, ready: Mapping[str, Stamp | None]) -> float:
    return min((one.since for path, one in sight.memory.pending.items() if path in ready), default=sight.moment)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
