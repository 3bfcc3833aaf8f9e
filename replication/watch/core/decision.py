"""What the watch does about what it found: request a job, or wait, and for what. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from replication.jobs.core.states import JobState
from replication.watch.core.changes import Stamp, is_news

FAILED_FIRST, FAILED_LONGEST = 30.0, 900.0
HALTED_FIRST, HALTED_LONGEST = 60.0, 1800.0
"""Seconds until what failed, or halted, is requested once more without a new change; doubled each time up to the
longest."""

AGAIN = 60.0
"""Seconds until a change is requested again that a job passed over although it succeeded."""

DAMPED_LONGEST = 60.0
"""Seconds that a new change waits at most where one job after the other fails."""

PARTIAL = frozenset({"incomplete", "blocked", "contended"})
"""Failures of some files only: all others were proven, so the next change need not wait."""

BEFORE_THE_LOOK = frozenset({JobState.REQUESTED, JobState.PLANNING})
"""States in which a job has yet to read the primary, or to say what it read."""

REASON_LIMIT = 300


class WatchStatus(StrEnum):
    """What the watch is at, in one word."""

    NEW = "new"
    QUIET = "quiet"
    SETTLING = "settling"
    REQUESTED = "requested"
    HELD = "held"
    AWAY = "away"
    CANNOT_LOOK = "cannot_look"


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job of the cluster, in as far as it matters. `nodes` empty: all. `ended_at`: None while it goes on."""

    id: int
    state: JobState
    nodes: frozenset[int] = frozenset()
    error_code: str = ""
    error: str = ""
    ended_at: float | None = None

    def covers(self, nodes: Collection[int]) -> bool:
        """Whether it concerns all these nodes."""
        return not self.nodes or self.nodes >= set(nodes)

    @property
    def is_unsuccessful(self) -> bool:
        """Failed or halted; whoever cancelled a job had their reason."""
        return self.state in (JobState.FAILED, JobState.HALTED)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many jobs in a row were unsuccessful, up to the job `counted`, and when the work may be requested again
    without a new change (`retry_at`), or even with one (`damped_until`); both 0: at any time."""

    counted: int = 0
    failures: int = 0
    retry_at: float = 0.0
    damped_until: float = 0.0

    def set_back(self, seconds: float) -> Tally:
        """The same by a clock that was set back by so much."""
        return replace(self, retry_at=self.retry_at - seconds, damped_until=self.damped_until - seconds)

    def after(self, newest: JobSeen | None, now: float) -> Tally:
        """With the newest ended or halted job counted; each counts once."""
        if newest is None or newest.id <= self.counted:
            return self
        if not newest.is_unsuccessful:
            return Tally(counted=newest.id)
        failures = self.failures + 1
        halted = newest.state == JobState.HALTED
        first, longest = (HALTED_FIRST, HALTED_LONGEST) if halted else (FAILED_FIRST, FAILED_LONGEST)
        ended = min(newest.ended_at or now, now)  # the clock may have been set back since
        damped = 0.0
        if newest.error_code not in PARTIAL and failures > 1:
            damped = ended + min(DAMPED_LONGEST, 5.0 * 2.0 ** min(failures - 2, 10))
        return Tally(newest.id, failures, ended + min(longest, first * 2.0 ** min(failures - 1, 10)), damped)


@dataclass(frozen=True, slots=True)
class DecisionInput:
    """Everything a decision looks at. `nodes`: the secondaries that the watch serves; `behind`: those of them whose
    last job ended without proof. `ready`: changes to be taken; `asked`: what the job `asked_by`
    was to take."""

    now: float
    nodes: frozenset[int]
    behind: frozenset[int]
    ready: Mapping[str, Stamp | None]
    asked: Mapping[str, Stamp | None]
    asked_by: int
    active: Sequence[JobSeen]
    newest: JobSeen | None
    tally: Tally


@dataclass(frozen=True, slots=True)
class Decision:
    """`request`: the nodes to ask a job for; empty: no job. `sentence`: why, for people."""

    mood: WatchStatus
    sentence: str = ""
    request: frozenset[int] = frozenset()


def decide(situation: DecisionInput) -> Decision:
    """What to do now."""
    if situation.ready:
        return _about_changes(situation)
    if situation.behind:
        return _about_nodes_behind(situation)
    waiting = [job for job in situation.active if job.state == JobState.CONVERGING]
    if waiting:
        return Decision(WatchStatus.QUIET, f"Job #{waiting[-1].id} goes on as soon as the nodes it waits for are back.")
    return Decision(WatchStatus.QUIET)


def _about_changes(situation: DecisionInput) -> Decision:
    holder = _in_hand(situation, situation.nodes)
    if holder:
        return holder
    newest, tally = situation.newest, situation.tally
    is_new = is_news(situation.ready, situation.asked)
    if newest is not None and newest.state == JobState.CANCELLED and not is_new:
        text = f"Job #{newest.id} was cancelled. A further change, or Replicate, goes on."
        return Decision(WatchStatus.HELD, text)
    if newest is not None and newest.state == JobState.SUCCEEDED and not is_new and newest.id >= situation.asked_by:
        again = min(newest.ended_at or situation.now, situation.now) + AGAIN
        if situation.now < again:
            return Decision(
                WatchStatus.HELD, f"Job #{newest.id} could not take it; tried again in {again - situation.now:.0f} s."
            )
    held_until = tally.damped_until if is_new else tally.retry_at
    if newest is not None and newest.is_unsuccessful and situation.now < held_until:
        return Decision(WatchStatus.HELD, _unsuccessful(newest, held_until - situation.now, is_new))
    return Decision(WatchStatus.REQUESTED, reason(situation.ready), situation.nodes)


def _about_nodes_behind(situation: DecisionInput) -> Decision:
    holder = _in_hand(situation, situation.behind)
    if holder:
        return holder
    if situation.now < situation.tally.retry_at and situation.newest is not None:
        left = situation.tally.retry_at - situation.now
        return Decision(WatchStatus.HELD, _unsuccessful(situation.newest, left, is_new=False))
    return Decision(WatchStatus.REQUESTED, "watch: tries again what was not proven", situation.behind)


def _in_hand(situation: DecisionInput, nodes: frozenset[int]) -> Decision | None:
    """A job that will see the changes anyway, or that a person has before them."""
    for job in situation.active:
        if job.state in BEFORE_THE_LOOK and job.covers(nodes):
            return Decision(WatchStatus.REQUESTED, f"Job #{job.id} is about to take them.")
        if job.state == JobState.AWAITING_APPROVAL and job.nodes and job.nodes <= nodes:
            text = f"Job #{job.id} waits for somebody to approve its plan; further changes are taken after that."
            return Decision(WatchStatus.HELD, text)
        if not situation.ready and job.state == JobState.RUNNING and job.covers(nodes):
            return Decision(WatchStatus.QUIET, f"Job #{job.id} is running.")
    return None


def _unsuccessful(job: JobSeen, left: float, is_new: bool) -> str:
    what = "The change is requested" if is_new else "It is requested again"
    when = f"in {left:.0f} s" if is_new else f"in {left:.0f} s, or with the next change"
    return f"Job #{job.id} is {job.state}: {job.error.rstrip('.')}. {what} {when}."


def reason(changes: Mapping[str, Stamp | None]) -> str:
    """Why a job is requested, in at most `REASON_LIMIT` characters: how many files, and the first of their names."""
    names = sorted(changes)
    start = f"watch: {len(names)} {'file' if len(names) == 1 else 'files'} changed: "
    shown: list[str] = []
    for name in names[:5]:
        if len(start) + sum(len(one) + 2 for one in [*shown, name]) > REASON_LIMIT - 20:
            break
        shown.append(name)
    more = len(names) - len(shown)
    tail = f" and {more} more" if more and shown else ""
    return (start + ", ".join(shown) + tail) if shown else start.removesuffix(": ")
