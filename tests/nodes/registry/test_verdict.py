"""The one verdict: which of several truths is said, in which words, and how old it may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nodes.registry.core.verdict import Known, Serving, Word, verdict_on, verdict_on_cluster

NOW = datetime(2026, 11, 30, 14, 30, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=28)
FRESH = NOW - timedelta(seconds=20)
IN_SYNC = Known(compared_at=FRESH, reached_at=FRESH)
PRIMARY = Known(primary=True, reached_at=FRESH)
AWAY: dict[str, Any] = {"health": "down", "health_since": EARLIER, "cause": "The node does not answer."}
BEHIND: dict[str, Any] = {"behind": 3, "behind_since": EARLIER}
INCOMPLETE: dict[str, Any] = {"incomplete": "All other files are proven; not handled: 'App/a.dat' (unreadable)."}
EDITED: dict[str, Any] = {"edited": 1, "edited_since": EARLIER}

TABLE = [
    (IN_SYNC, Word.IN_SYNC, "In sync", "ok"),
    (PRIMARY, Word.PRIMARY, "Primary", "ok"),
    (replace(IN_SYNC, **BEHIND), Word.BEHIND, "Behind by 3 files since 14:02", "warn"),
    (replace(IN_SYNC, behind=1, behind_since=FRESH), Word.BEHIND, "Behind by 1 file since 14:29", "info"),
    (replace(IN_SYNC, **EDITED), Word.EDITED, "Edited (1 file) since 14:02", "warn"),
    (replace(IN_SYNC, **INCOMPLETE), Word.INCOMPLETE, "Incomplete", "warn"),
    (replace(IN_SYNC, **INCOMPLETE, **BEHIND), Word.BEHIND, "Behind by 3 files since 14:02", "warn"),
    (replace(IN_SYNC, **EDITED, **BEHIND), Word.EDITED, "Edited (1 file) since 14:02", "warn"),
    (replace(IN_SYNC, **AWAY, **EDITED, **BEHIND), Word.AWAY, "Away since 14:02", "bad"),
    (replace(IN_SYNC, **AWAY, quarantined="another key"), Word.QUARANTINED, "Quarantined", "bad"),
    (replace(IN_SYNC, health="degraded"), Word.DEGRADED, "Degraded", "warn"),
    (replace(PRIMARY, **AWAY), Word.AWAY, "Away since 14:02", "bad"),
    (replace(PRIMARY, health="unknown"), Word.UNKNOWN, "Not yet observed", "idle"),
    (Known(), Word.EMPTY, "Not compared yet", "idle"),
    (Known(joining="registered"), Word.REGISTERED, "Not joined", "idle"),
    (Known(joining="registered", **AWAY), Word.AWAY, "Away since 14:02", "bad"),
    (Known(joining="joining"), Word.JOINING, "Joining", "info"),
    (Known(serving=Serving.NATIVE), Word.HEALTHY, "Healthy", "ok"),
    (replace(IN_SYNC, serving=Serving.ALONE, **EDITED), Word.ALONE, "Stands alone", "idle"),
]


@pytest.mark.parametrize(("known", "word", "text", "tone"), TABLE, ids=[f"{word}-{text}" for _, word, text, _ in TABLE])
@pytest.mark.parametrize("paused", [False, True])
def test_the_worst_truth_is_said_and_a_pause_changes_none(known, word, text, tone, paused) -> None:
    verdict = verdict_on(replace(known, paused=paused), NOW)
    assert (verdict.word, verdict.text, verdict.tone, verdict.paused) == (word, text, tone, paused)


def test_why_a_node_holds_other_files_is_said_and_only_then() -> None:
    why = INCOMPLETE["incomplete"]
    assert verdict_on(replace(IN_SYNC, **INCOMPLETE), NOW).cause == why
    assert verdict_on(replace(IN_SYNC, **INCOMPLETE, **BEHIND), NOW).cause == why
    assert verdict_on(replace(IN_SYNC, **INCOMPLETE, **AWAY), NOW).cause == AWAY["cause"]
    assert verdict_on(replace(IN_SYNC, **INCOMPLETE, serving=Serving.NATIVE), NOW).cause == ""


def test_what_was_learned_long_ago_is_said_with_its_moment_and_is_not_green() -> None:
    old = verdict_on(replace(IN_SYNC, reached_at=EARLIER), NOW)
    assert (old.word, old.text, old.tone, old.as_of) == (Word.IN_SYNC, "In sync as of 14:02", "idle", EARLIER)


def test_in_sync_is_no_newer_than_the_last_look_at_what_it_holds() -> None:
    old = verdict_on(replace(IN_SYNC, compared_at=EARLIER), NOW)
    assert (old.text, old.tone) == ("In sync as of 14:02", "idle")


def test_another_day_is_said_with_its_date() -> None:
    since = NOW - timedelta(days=1)
    assert verdict_on(replace(IN_SYNC, behind=2, behind_since=since), NOW).text == (
        "Behind by 2 files since 2026-11-29 14:30"
    )


def _of(*nodes: Known, **more) -> tuple[str, str, str]:
    given: dict[str, Any] = {"alone": False, "paused": False, **more}
    verdict = verdict_on_cluster([verdict_on(node, NOW) for node in nodes], **given)
    return verdict.word, verdict.text, verdict.tone


def test_a_cluster_stands_as_its_worst_nodes_do() -> None:
    away, behind = replace(IN_SYNC, **AWAY), replace(IN_SYNC, **BEHIND)
    assert _of() == ("unknown", "No nodes yet", "idle")
    assert _of(PRIMARY, IN_SYNC, IN_SYNC) == ("in_sync", "In sync", "ok")
    assert _of(PRIMARY) == ("healthy", "Healthy", "ok")
    assert _of(PRIMARY, IN_SYNC, behind) == ("behind", "1 behind", "warn")
    assert _of(PRIMARY, away, behind, away) == ("away", "2 away", "bad")
    assert _of(PRIMARY, replace(IN_SYNC, **EDITED), behind) == ("edited", "1 edited", "warn")
    assert _of(PRIMARY, replace(IN_SYNC, serving=Serving.ALONE), alone=True) == ("alone", "Clustering disabled", "idle")


def test_a_cluster_says_of_what_moment_it_speaks() -> None:
    old = replace(IN_SYNC, compared_at=EARLIER)
    older = replace(IN_SYNC, compared_at=EARLIER - timedelta(minutes=1))
    assert _of(PRIMARY, old, older, IN_SYNC) == ("in_sync", "2 in sync as of 14:01", "idle")


def test_a_pause_hides_no_node_that_is_away() -> None:
    nodes = [verdict_on(replace(IN_SYNC, **AWAY), NOW)]
    verdict = verdict_on_cluster(nodes, alone=True, paused=True, paused_reason="works")
    assert (verdict.text, verdict.tone, verdict.paused, verdict.paused_reason) == ("1 away", "bad", True, "works")
