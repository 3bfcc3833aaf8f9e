"""The watch: look at a primary, and request an ordinary job for what changed there and has come to rest."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Never

from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.utils import timezone

from accounts.database import fault
from accounts.errors import Refused
from accounts.refusals import in_words
from nodes.clusters.models import Cluster
from nodes.enums import NodeRole
from nodes.errors import NodeError
from nodes.facts.selectors.facts import profile_of
from nodes.leases.errors import LeaseLost
from nodes.leases.lease import Lease, LeaseKeeper
from nodes.leases.worker import SHUTTING_DOWN, closing, worker_name
from nodes.products.errors import ProfileError
from nodes.products.profile import Profile
from nodes.registry.models import Node
from nodes.registry.services.comparison import note_seen_behind
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
from replication.watch.services import (
    Look,
    begin_missing,
    claim_looks,
    finish_look,
    request_for_look,
)

_LOG = logging.getLogger(__name__)

WITHIN = 1.0
"""Looks that are due so many seconds from now are claimed already and waited for: the beat comes once a second."""

AT_ONCE = 8
"""Primaries looked at concurrently by one task."""

SCAN_SHARE = 20.0
"""The watch takes at most one part in so many of the time."""

AWAY_LONGEST, REFUSED_LONGEST = 60.0, 3600.0
"""Seconds between two looks at most where the primary cannot be reached, or refuses the portal."""
REFUSED_FIRST = 300.0

OPTIONS_ROOM = 12_000
"""Characters of names of unstable files that fit a job's options."""


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


def look_at_due() -> int:
    """Look at every primary that is due until the next beat, some of them twice. Answers how many looks there were."""
    begin_missing()
    ends, count = time.monotonic() + WITHIN, 0
    while (left := ends - time.monotonic()) > 0:
        looks = claim_looks(worker_name(), within=left, limit=AT_ONCE)
        if not looks:
            break
        _look_at(looks)
        count += len(looks)
    return count


def _look_at(looks: Sequence[Look]) -> None:
    """All of these at once, while this thread keeps their leases."""
    keeper = LeaseKeeper[LookLease]()
    with ThreadPoolExecutor(len(looks), "watch") as pool:
        work = []
        for one in looks:
            lease = LookLease(one.claim)
            keeper.add(lease)
            work.append(pool.submit(closing, partial(_look_when_due, one, lease)))
        keeper.attend(work)
    for done in work:
        done.result()


def _look_when_due(claimed: Look, lease: LookLease) -> None:
    lease.sign_of_life()
    SHUTTING_DOWN.wait(claimed.begins_in)
    try:
        Watcher(claimed, lease).run()
    except LeaseLost as error:
        _LOG.warning("watch of cluster %s: %s", claimed.cluster_id, error)
    except DatabaseError as error:
        _LOG.warning("watch of cluster %s: %s", claimed.cluster_id, error, exc_info=fault(error))


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

    def __init__(self, claimed: Look, lease: LookLease) -> None:
        self.look = claimed
        self.lease = lease
        self.row = Watch.objects.get(pk=claimed.claim.pk)
        self.memory = Memory.kept_in(self.row.memory)

    def run(self) -> None:
        """Look, decide, request, write the row. Raises LeaseLost."""
        try:
            ground = self._ground()
            if isinstance(ground, Waiting):
                self._finish({"mood": WatchStatus.HELD, "note": ground.sentence[:400]}, ground.again_in)
                return
            sight = look(ground.primary, ground.profile, ground.served, self.memory, self.lease)
        except (NodeError, ProfileError) as error:
            self._could_not_look(error)
        except (LeaseLost, DatabaseError):
            raise
        except Exception as error:  # noqa: BLE001 - one cluster's trouble must not end another's watch
            _LOG.error("the watch of cluster %s failed", self.look.cluster_id, exc_info=error)
            self._could_not_look(error)
        else:
            self._act(ground, sight)

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

    def _act(self, ground: PollContext, sight: PollResult) -> None:
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
        columns = {**self._seen(sight, tally), **self._decided(decision, situation, sight, taken.moving)}
        note_seen_behind(sight.behind)
        self._finish(columns, self._next_look(ground, sight, decision))

    def _tally(self, now: float) -> Tally:
        row = self.row
        tally = Tally(row.jobs_counted, row.jobs_failed, row.retry_at, row.damped_until)
        return tally.set_back(max(0.0, self.memory.looked_at - now))

    def _decided(
        self, decision: Decision, situation: DecisionInput, sight: PollResult, unstable: tuple[str, ...]
    ) -> dict[str, Any]:
        """Request what is to be requested; the columns that say what was decided."""
        mood, note = decision.mood, decision.sentence
        if mood == WatchStatus.QUIET and sight.memory.pending:
            mood, note = WatchStatus.SETTLING, "A change is taken once two looks agree on it."
        columns: dict[str, Any] = {"mood": mood, "note": note[:400]}
        if not decision.request:
            return columns
        whom = decision.request
        try:
            job = request_for_look(self.look, reason=decision.sentence, node_ids=sorted(whom), unstable=unstable)
        except (ValidationError, Refused) as error:
            return {"mood": WatchStatus.HELD, "note": f"A job was refused: {in_words(error)}"[:400]}
        columns |= {"note": f"Requested job #{job}.", "last_job_id": job}
        if situation.ready:
            memory = replace(sight.memory, asked=dict(situation.ready), asked_by=job)
            columns |= {
                "memory": memory.to_json(),
                "last_change": reason(situation.ready).removeprefix("watch: ")[:300],
                "last_change_at": _moment(_first_seen(sight, situation.ready)),
            }
        return columns

    def _seen(self, sight: PollResult, tally: Tally) -> dict[str, Any]:
        pending = sight.memory.pending
        return {
            "looked_at": timezone.now(),
            "took": sight.took,
            "pending": len(pending),
            "pending_since": _moment(min(one.since for one in pending.values())) if pending else None,
            "memory": sight.memory.to_json(),
            "failures": 0,
            "error_code": "",
            "error": "",
            "jobs_counted": tally.counted,
            "jobs_failed": tally.failures,
            "retry_at": tally.retry_at,
            "damped_until": tally.damped_until,
        }

    def _next_look(self, ground: PollContext, sight: PollResult, decision: Decision) -> float:
        took = min(sight.took, self.row.took) if self.row.took is not None else sight.took
        interval = max(self.row.interval or ground.profile.watch_seconds, SCAN_SHARE * took)
        if decision.request or sight.settled.wait is None:
            return interval
        return min(interval, max(sight.settled.wait, took))

    # --- where looking failed ---

    def _could_not_look(self, error: Exception) -> None:
        failures = self.row.failures + 1
        known = isinstance(error, NodeError | ProfileError)
        code = getattr(error, "code", "profile" if known else "internal_error")
        text = str(error) if known else "The portal failed while looking. Its log says why."
        refused = code in REFUSALS
        first, longest = (REFUSED_FIRST, REFUSED_LONGEST) if refused else (2.0, AWAY_LONGEST)
        wait = min(longest, first * 2.0 ** min(failures - 1, 10))
        columns = {
            "mood": WatchStatus.AWAY,
            "note": f"The primary is looked at again in {wait:.0f} s.",
            "failures": failures,
            "error_code": code,
            "error": text[:400],
        }
        self._finish(columns, wait)

    def _finish(self, columns: Mapping[str, Any], again_in: float) -> None:
        finish_look(self.look, columns, again_in=again_in)


def _first_seen(sight: PollResult, ready: Mapping[str, Stamp | None]) -> float:
    return min((one.since for path, one in sight.memory.pending.items() if path in ready), default=sight.moment)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
