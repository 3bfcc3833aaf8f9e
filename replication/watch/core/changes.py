"""What the watch makes of a listing: what changed on the primary, what has settled, what churns, and what to do.

Pure. A *stamp* is what a listing tells of a file; two equal stamps far enough apart mean that nobody writes to it just
now. Times are seconds since 1970 by the portal's clock, but for those inside stamps, which are the node's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

import msgspec

from nodes.typed_json import TypedJson
from replication.files.core.manifest import RACY, FileState

HOUR = 3600.0

RACY_SECONDS = 2.0
"""A file written so shortly ago may be written again without a visible trace where times are kept in whole seconds."""

EXACT_SECONDS = 0.1
"""The same where the node tells change times, which go on with every tick of its clock and cannot be set."""

PATIENCE = 3.0
"""How many times the stable time a settled change waits for others that have only just begun, so that a burst of edits
becomes one job."""

RESTLESS = 3
"""Changes within `RESTLESS_SECONDS` from which a file is known to keep changing, and is waited for no more."""
RESTLESS_SECONDS = 60.0

CHURN_PATHS = 200
"""Paths whose changes are counted; the quietest are forgotten first."""

CHURN_TIMES = 60
"""Moments kept a path."""

BULK_SECONDS = 60.0
"""How long settled files wait at most while more is moving than can be named."""

MANY = 200
"""From so many paths on, what was asked for is kept as one: under the name `ALL`, with their number as its size and
their digest as its time."""
ALL = "*"

ROOM = 12_000
"""About so many characters are kept of each list of paths. What is left out is found again by looking."""


class Stamp(NamedTuple):
    """A file as a listing shows it; `change_ns` where the node tells it."""

    size: int
    mtime_ns: int
    change_ns: int | None


class Sighting(NamedTuple):
    """How a path that differs looks (None: it is gone), since when it has looked so, and since when it differs."""

    stamp: Stamp | None
    since: float
    first: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What one look leaves for the next.

    `pending`: what differs from what the secondaries were last given. `asked`: of that, what the job `asked_by` was to
    take. `cleared`: files written anew that were read and hold the same bytes. `churn`: when a path changed.
    `stubborn`: what cannot be read, and why; `tried_at`: when that was last tried. `looked_at`: the moment of the look.
    """

    pending: Mapping[str, Sighting] = field(default_factory=dict)
    asked: Mapping[str, Stamp | None] = field(default_factory=dict)
    asked_by: int = 0
    cleared: Mapping[str, Stamp] = field(default_factory=dict)
    churn: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    stubborn: Mapping[str, str] = field(default_factory=dict)
    tried_at: float = 0.0
    looked_at: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """What a JSON column keeps: bounded, however many files there are."""
        kept = replace(
            self,
            pending=_fitting(self.pending),
            asked=bounded(self.asked),
            cleared=_fitting(self.cleared),
            churn=_fitting(_loudest(self.churn)),
            stubborn=_fitting(self.stubborn),
        )
        document: dict[str, Any] = msgspec.to_builtins(kept)
        return document

    def at(self, now: float) -> Memory:
        """The memory at a look that is `now`. Where the last one was later, the clock was set back, and all moments go
        back with it."""
        if now >= self.looked_at:
            return replace(self, looked_at=now)
        back = self.looked_at - now
        return replace(
            self,
            pending={
                path: Sighting(seen, since - back, first - back) for path, (seen, since, first) in self.pending.items()
            },
            churn={path: tuple(at - back for at in times) for path, times in self.churn.items()},
            tried_at=self.tried_at - back,
            looked_at=now,
        )

    @classmethod
    def from_json(cls, document: object) -> Memory:
        """The reverse; an empty document is an empty memory. Raises ValueError naming the place of a wrong value."""
        return _MEMORY.convert(document)

    @classmethod
    def kept_in(cls, document: object) -> Memory:
        """The same, or an empty memory where the document cannot be read: looking afresh finds again what differs."""
        try:
            return cls.from_json(document)
        except ValueError:
            return cls()


_MEMORY: TypedJson[Memory] = TypedJson(Memory)

T = TypeVar("T")


def _fitting(entries: Mapping[str, T]) -> dict[str, T]:
    """The first of the entries, as far as there is room."""
    kept: dict[str, T] = {}
    left = ROOM
    for path, entry in entries.items():
        left -= len(path) + len(str(entry))
        if left < 0:
            break
        kept[path] = entry
    return kept


@dataclass(frozen=True, slots=True)
class Differences:
    """A listing against what the secondaries were last given: what differs; what may differ without showing it (read
    within the same tick of the clock); and what could not be read the last time."""

    differing: Mapping[str, Stamp | None]
    doubtful: Mapping[str, Stamp]
    unread: Mapping[str, Stamp]


def compare_listing(
    reference: Mapping[str, FileState],
    listed: Mapping[str, Stamp],
    cleared: Mapping[str, Stamp],
    is_expected: Callable[[str], bool],
) -> Differences:
    """Compare. `is_expected`: whether a path of the reference, if it is not listed, is really gone: not so beneath a
    folder that could not be listed, nor where the path is configuration no more."""
    differing: dict[str, Stamp | None] = {}
    doubtful: dict[str, Stamp] = {}
    unread: dict[str, Stamp] = {}
    for path, stamp in listed.items():
        known = reference.get(path)
        if known is None or (not _same(known, stamp) and cleared.get(path) != stamp and not known.stale):
            differing[path] = stamp
        elif known.stale:
            unread[path] = stamp
        elif known.change_ns == RACY and cleared.get(path) != stamp:
            doubtful[path] = stamp
    for path in reference.keys() - listed.keys():
        if is_expected(path):
            differing[path] = None
    return Differences(differing, doubtful, unread)


def is_known(known: FileState | None, stamp: Stamp) -> bool:
    """Whether a listing that shows this stamp leaves no doubt that the file is the known one."""
    return known is not None and not known.stale and known.change_ns != RACY and _same(known, stamp)


def _same(known: FileState, stamp: Stamp) -> bool:
    if (known.size, known.mtime_ns) != (stamp.size, stamp.mtime_ns):
        return False
    return stamp.change_ns is None or known.change_ns in (None, RACY, stamp.change_ns)


def bounded(asked: Mapping[str, Stamp | None]) -> Mapping[str, Stamp | None]:
    """What was asked for as it is kept: one by one, or all in one."""
    if len(asked) < MANY and sum(map(len, asked)) < ROOM:
        return asked
    return {ALL: Stamp(len(asked), crc32(repr(sorted(asked.items())).encode()), None)}


def is_news(ready: Mapping[str, Stamp | None], asked: Mapping[str, Stamp | None]) -> bool:
    """Whether anything is ready that was not asked for."""
    if ALL in asked:
        return bounded(ready) != asked
    return any(asked.get(path, ()) != stamp for path, stamp in ready.items())


def remember(memory: Memory, differing: Mapping[str, Stamp | None], now: float) -> Memory:
    """The memory after a look: since when each difference looks as it does, and which paths changed just now."""
    memory = memory.at(now)
    pending: dict[str, Sighting] = {}
    changed: list[str] = []
    for path, stamp in differing.items():
        before = memory.pending.get(path)
        if before is not None and before.stamp == stamp:
            pending[path] = before
        else:
            pending[path] = Sighting(stamp, now, before.first if before else now)
            if memory.asked.get(path, ()) != stamp:
                changed.append(path)
    return replace(memory, pending=pending, churn=_counted(memory.churn, changed, now))


def _counted(
    churn: Mapping[str, tuple[float, ...]], changed: Collection[str], now: float
) -> dict[str, tuple[float, ...]]:
    fresh = {path: tuple(at for at in times if at > now - HOUR) for path, times in churn.items()}
    for path in changed:
        fresh[path] = (*fresh.get(path, ()), now)[-CHURN_TIMES:]
    kept = {path: times for path, times in fresh.items() if times}
    return kept if len(kept) <= CHURN_PATHS else _loudest(kept)


def _loudest(churn: Mapping[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
    loudest = sorted(churn, key=lambda path: (len(churn[path]), churn[path][-1]), reverse=True)[:CHURN_PATHS]
    return {path: churn[path] for path in loudest}


def forget(memory: Memory, same: Mapping[str, Stamp]) -> Memory:
    """The memory once these files were read and found to hold what they held before: whatever was seen of them since
    they differ was no change."""
    churn = dict(memory.churn)
    for path in same.keys() & memory.pending.keys() & churn.keys():
        churn[path] = tuple(at for at in churn[path] if at < memory.pending[path].first)
    return replace(
        memory,
        pending={path: one for path, one in memory.pending.items() if path not in same},
        cleared={**memory.cleared, **same},
        churn={path: times for path, times in churn.items() if times},
    )


def changed_for_certain(
    reference: Mapping[str, FileState], memory: Memory, ready: Collection[str], stable_seconds: float, now: float
) -> dict[str, Stamp | None]:
    """Of what differs, what is no mere rewriting of the same bytes: what is `ready`, of another size, new or gone, and
    what never came to rest."""

    def is_certain(path: str, one: Sighting) -> bool:
        known = reference.get(path)
        if path in ready or one.stamp is None or known is None or known.size != one.stamp.size:
            return True
        return one.first <= now - stable_seconds < one.since

    return {path: one.stamp for path, one in memory.pending.items() if is_certain(path, one)}


def behind_by(
    reference: Mapping[str, FileState], changed: Mapping[str, Stamp | None], held: Mapping[str, FileState]
) -> int:
    """How many files a secondary lacks that holds `held`, where the primary holds `reference` but for what changed."""
    if held is reference:
        return len(changed)
    paths = reference.keys() | held.keys()
    others = sum(_content(reference.get(path)) != _content(held.get(path)) for path in paths if path not in changed)
    return others + sum(not _holds(held.get(path), stamp) for path, stamp in changed.items())


def _content(state: FileState | None) -> str:
    return state.sha256 if state else ""


def _holds(state: FileState | None, stamp: Stamp | None) -> bool:
    if state is None or stamp is None:
        return state is None and stamp is None
    return _same(state, stamp)


def churning(memory: Memory, limit: int, now: float) -> dict[str, int]:
    """The paths that changed more than `limit` times within the last hour, with how often, the busiest first."""
    counts = {path: sum(at > now - HOUR for at in times) for path, times in memory.churn.items()}
    busiest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {path: count for path, count in busiest if count > min(limit, CHURN_TIMES - 1)}


@dataclass(frozen=True, slots=True)
class Debounced:
    """`ready`: differences that two listings far enough apart agree on. `moving`: the others. `wait`: seconds after
    which looking again may settle more; None: nothing to wait for."""

    ready: Mapping[str, Stamp | None]
    moving: tuple[str, ...]
    wait: float | None


def debounce(memory: Memory, stable_seconds: float, now: float) -> Debounced:
    """Sort what differs. A burst of edits is waited for a little; files that keep changing are not."""
    ready: dict[str, Stamp | None] = {}
    moving: list[str] = []
    waits: list[float] = []
    for path, sighting in memory.pending.items():
        left = sighting.since + stable_seconds - now
        if left <= 0:
            ready[path] = sighting.stamp
        else:
            moving.append(path)
            waits.append(left)
    wait = min(waits, default=None)
    if ready and any(not _is_restless(memory.churn.get(path, ()), now) for path in moving):
        oldest = min(memory.pending[path].since for path in ready)
        if now < oldest + PATIENCE * stable_seconds:
            return Debounced({}, tuple(moving), wait)
    return Debounced(ready, tuple(moving), wait)


def named(settled: Debounced, memory: Memory, now: float, room: int) -> Debounced:
    """What is taken now, with as many names of what moves as fit `room` characters of JSON. Where not all fit, all
    waits for a while; then what settled goes. Of what moves the busiest is named then; the rest a job leaves by itself,
    because it does not hold still while it is read."""
    if sum(map(_width, settled.moving)) <= room or not settled.ready:
        return settled
    waiting = (memory.pending[path].since for path in settled.ready if path in memory.pending)
    if now < min(waiting, default=0.0) + BULK_SECONDS:
        return replace(settled, ready={})
    names: list[str] = []
    for path in sorted(settled.moving, key=lambda path: -len(memory.churn.get(path, ()))):
        room -= _width(path)
        if room < 0:
            break
        names.append(path)
    return replace(settled, moving=tuple(names))


def _width(path: str) -> int:
    """Characters of a path in a list of JSON, where letters beyond ASCII take six each."""
    return len(json.dumps(path)) + 2


def _is_restless(times: Collection[float], now: float) -> bool:
    return sum(at > now - RESTLESS_SECONDS for at in times) >= RESTLESS


def is_young(stamp: Stamp, node_now: float) -> bool:
    """Whether a file was written so shortly before the node's `node_now` that its times may hide another write."""
    if stamp.change_ns is not None:
        return stamp.change_ns / 1e9 > node_now - EXACT_SECONDS
    return stamp.mtime_ns / 1e9 > node_now - RACY_SECONDS
