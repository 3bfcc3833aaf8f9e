"""How a node stands, in one verdict that every page, list and resource says alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from nodes.counted import many

LATE = timedelta(seconds=60)
"""Behind for longer than this is no longer the usual time that a change takes."""

OLD = timedelta(minutes=3)
"""What was last learned longer ago than this is said with its moment."""


class Word(StrEnum):
    """A verdict in one word, for programs."""

    QUARANTINED = "quarantined"
    AWAY = "away"
    DEGRADED = "degraded"
    REGISTERED = "registered"
    JOINING = "joining"
    LEAVING = "leaving"
    LEFT = "left"
    EDITED = "edited"
    BEHIND = "behind"
    INCOMPLETE = "incomplete"
    EMPTY = "empty"
    ALONE = "alone"
    UNKNOWN = "unknown"
    PRIMARY = "primary"
    HEALTHY = "healthy"
    IN_SYNC = "in_sync"


WORST_FIRST = tuple(Word)

LABELS = {
    Word.QUARANTINED: "Quarantined",
    Word.AWAY: "Away",
    Word.DEGRADED: "Degraded",
    Word.REGISTERED: "Not joined",
    Word.JOINING: "Joining",
    Word.LEAVING: "Leaving",
    Word.LEFT: "Left",
    Word.EDITED: "Edited",
    Word.BEHIND: "Behind",
    Word.INCOMPLETE: "Incomplete",
    Word.EMPTY: "Not compared yet",
    Word.ALONE: "Stands alone",
    Word.UNKNOWN: "Not yet observed",
    Word.PRIMARY: "Primary",
    Word.HEALTHY: "Healthy",
    Word.IN_SYNC: "In sync",
}

_TONES = {
    "bad": {Word.QUARANTINED, Word.AWAY},
    "warn": {Word.DEGRADED, Word.EDITED, Word.INCOMPLETE},
    "info": {Word.JOINING, Word.LEAVING, Word.BEHIND},
    "ok": {Word.PRIMARY, Word.HEALTHY, Word.IN_SYNC},
}

_SINCE = {Word.AWAY, Word.EDITED, Word.BEHIND}
"""Verdicts that say since when they are so."""

_BY_CONTENT = {Word.EDITED, Word.BEHIND, Word.INCOMPLETE}
"""Verdicts on what a node holds that is other than it should be."""


class Serving(StrEnum):
    """Who keeps the servers of the node's cluster equal; `alone`: nobody, because clustering is disabled."""

    PORTAL = "portal"
    NATIVE = "native"
    ALONE = "alone"


@dataclass(frozen=True, slots=True)
class Known:
    """What the rows hold of a node. `health`: ok, degraded, down or unknown. `compared_at`: when its configuration was
    last compared with the primary's, or proven; None: nothing was ever proven on it. `incomplete`: what its last
    replication could not handle, "" where it handled all. `reached_at`: when it last answered; None: not known."""

    primary: bool = False
    joining: str = "joined"
    serving: Serving = Serving.PORTAL
    health: str = "ok"
    cause: str = ""
    health_since: datetime | None = None
    quarantined: str = ""
    paused: bool = False
    paused_reason: str = ""
    behind: int = 0
    behind_since: datetime | None = None
    edited: int = 0
    edited_since: datetime | None = None
    incomplete: str = ""
    compared_at: datetime | None = None
    reached_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a node, or a cluster by its nodes, stands. `label`: short; `text`: the whole, with its moment. `files`: how
    many are behind or edited. `since`: when it became so. `as_of`: where what was last learned is old, its moment.
    `paused`: an operator said not now, which stands beside the verdict and hides none of it."""

    word: Word
    label: str
    text: str
    tone: str
    cause: str = ""
    files: int = 0
    since: datetime | None = None
    as_of: datetime | None = None
    paused: bool = False
    paused_reason: str = ""


def verdict_on(node: Known, now: datetime) -> Verdict:
    """The one verdict. `now`, and the moments in `node`, are aware; words tell times in the zone of `now`."""
    word = _word(node)
    files, since = _measure(node, word)
    as_of = _as_of(node, word, now)
    label = f"{LABELS[word]} by {many(files, 'file')}" if word is Word.BEHIND else LABELS[word]
    label += f" ({many(files, 'file')})" if word is Word.EDITED else ""
    return Verdict(
        word=word,
        label=label,
        text=label + _moment(since if word in _SINCE else None, as_of, now),
        tone=_tone(word, since, as_of, now),
        cause=node.quarantined or node.cause or (node.incomplete if word in _BY_CONTENT else ""),
        files=files,
        since=since,
        as_of=as_of,
        paused=node.paused,
        paused_reason=node.paused_reason,
    )


def _word(node: Known) -> Word:
    """Whether it may and can be reached comes first, then whether it is a server of the cluster, then what it holds."""
    if node.quarantined:
        return Word.QUARANTINED
    if node.health in ("down", "degraded"):
        return Word.AWAY if node.health == "down" else Word.DEGRADED
    if not node.primary and node.joining != "joined":
        return Word(node.joining)
    if node.health == "unknown" and node.compared_at is None:
        return Word.UNKNOWN
    if node.primary:
        return Word.PRIMARY
    return _by_content(node) if node.serving is Serving.PORTAL else _unserved(node)


def _unserved(node: Known) -> Word:
    return Word.HEALTHY if node.serving is Serving.NATIVE else Word.ALONE


def _by_content(node: Known) -> Word:
    if node.compared_at is None:
        return Word.EMPTY
    if node.edited:
        return Word.EDITED
    if node.behind:
        return Word.BEHIND
    return Word.INCOMPLETE if node.incomplete else Word.IN_SYNC


def _measure(node: Known, word: Word) -> tuple[int, datetime | None]:
    if word is Word.EDITED:
        return node.edited, node.edited_since
    if word is Word.BEHIND:
        return node.behind, node.behind_since
    return 0, node.health_since if word in (Word.AWAY, Word.DEGRADED, Word.QUARANTINED) else None


def _as_of(node: Known, word: Word, now: datetime) -> datetime | None:
    """The moment of what was last learned, where that is old. That a node is away, or quarantined, stays so until it
    answers."""
    if word not in (Word.PRIMARY, Word.HEALTHY, Word.IN_SYNC):
        return None
    compared = node.compared_at if word is Word.IN_SYNC else None
    learned = min((moment for moment in (node.reached_at, compared) if moment is not None), default=now)
    return learned if now - learned > OLD else None


def _tone(word: Word, since: datetime | None, as_of: datetime | None, now: datetime) -> str:
    if as_of is not None:
        return "idle"
    if word is Word.BEHIND and since is not None and now - since > LATE:
        return "warn"
    return next((tone for tone, words in _TONES.items() if word in words), "idle")


def _moment(since: datetime | None, as_of: datetime | None, now: datetime) -> str:
    if as_of is not None:
        return f" as of {_clock(as_of, now)}"
    return f" since {_clock(since, now)}" if since is not None else ""


def _clock(moment: datetime, now: datetime) -> str:
    there = moment.astimezone(now.tzinfo)
    return f"{there:%H:%M}" if there.date() == now.date() else f"{there:%Y-%m-%d %H:%M}"


_TONES_WORST_FIRST = ("bad", "warn", "info", "idle", "ok")


def verdict_on_cluster(nodes: Sequence[Verdict], *, alone: bool, paused: bool, paused_reason: str = "") -> Verdict:
    """The nodes that are worst off, and how many they are. `alone`: clustering is disabled, which is the verdict unless
    a node is away or quarantined."""

    found = _worst(nodes, alone=alone) if nodes else _of_cluster(Word.UNKNOWN, "No nodes yet", "idle")
    return replace(found, paused=paused, paused_reason=paused_reason)


def _worst(nodes: Sequence[Verdict], *, alone: bool) -> Verdict:
    worst = min(nodes, key=lambda one: (_TONES_WORST_FIRST.index(one.tone), WORST_FIRST.index(one.word)))
    if alone and worst.tone != "bad":
        return _of_cluster(Word.ALONE, "Clustering disabled", "idle")
    if worst.tone == "ok":
        word = Word.IN_SYNC if any(one.word is Word.IN_SYNC for one in nodes) else Word.HEALTHY
        return _of_cluster(word, LABELS[word], "ok")
    alike = [one for one in nodes if (one.word, one.tone) == (worst.word, worst.tone)]
    oldest = min(alike, key=lambda one: one.as_of.timestamp() if one.as_of else 0.0)
    moment = oldest.text.removeprefix(oldest.label) if oldest.as_of else ""
    found = _of_cluster(worst.word, f"{len(alike)} {LABELS[worst.word].lower()}{moment}", worst.tone)
    return replace(found, cause=worst.cause, since=worst.since, as_of=oldest.as_of)


def _of_cluster(word: Word, text: str, tone: str) -> Verdict:
    return Verdict(word, text, text, tone)
