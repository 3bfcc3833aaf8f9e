"""What the watch makes of listings: differences, stability, bursts, churn, and what is remembered."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from replication.files.core.manifest import RACY, FileState
from replication.watch.core.changes import (
    ALL,
    BULK_SECONDS,
    CHURN_PATHS,
    MANY,
    PATIENCE,
    RESTLESS,
    Debounced,
    Memory,
    Sighting,
    Stamp,
    behind_by,
    bounded,
    changed_for_certain,
    churning,
    compare_listing,
    debounce,
    forget,
    is_news,
    is_young,
    named,
    remember,
)

STAMP = Stamp(10, 1_000, 2_000)
OTHER = Stamp(10, 1_001, 2_001)


def known(stamp: Stamp = STAMP, **changes) -> FileState:
    values: dict[str, Any] = {**stamp._asdict(), "sha256": "0" * 64}
    return FileState(**(values | changes))


def everything(path: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("state", "stamp", "differs"),
    [
        (known(), STAMP, False),
        (known(), OTHER, True),
        (known(), STAMP._replace(size=11), True),
        (known(), STAMP._replace(change_ns=9), True),
        (known(), STAMP._replace(change_ns=None), False),
        (known(change_ns=None), STAMP, False),
        (None, STAMP, True),
    ],
)
def test_what_differs(state, stamp, differs):
    reference = {"a": state} if state else {}
    found = compare_listing(reference, {"a": stamp}, {}, everything)
    assert (dict(found.differing) == {"a": stamp}) is differs


def test_what_is_gone_is_believed_only_where_the_listing_is_whole():
    reference = {"a": known(), "hidden/b": known()}
    found = compare_listing(reference, {}, {}, lambda path: not path.startswith("hidden/"))
    assert dict(found.differing) == {"a": None}


def test_a_racy_file_is_doubtful_until_it_was_read_again():
    reference = {"a": known(change_ns=RACY)}
    assert dict(compare_listing(reference, {"a": STAMP}, {}, everything).doubtful) == {"a": STAMP}
    assert not compare_listing(reference, {"a": STAMP}, {"a": STAMP}, everything).doubtful
    assert compare_listing(reference, {"a": OTHER}, {"a": STAMP}, everything).differing


def test_a_file_read_and_found_the_same_is_no_difference():
    found = compare_listing({"a": known()}, {"a": OTHER}, {"a": OTHER}, everything)
    assert not found.differing and not found.doubtful


def test_a_stale_file_is_unread_not_changed():
    found = compare_listing({"a": known(stale=True)}, {"a": OTHER}, {}, everything)
    assert (dict(found.differing), dict(found.unread)) == ({}, {"a": OTHER})


def test_a_change_is_taken_once_two_looks_agree():
    memory = remember(Memory(), {"a": STAMP}, 100.0)
    assert debounce(memory, 2.0, 100.0).ready == {}
    assert debounce(memory, 2.0, 100.0).wait == 2.0
    memory = remember(memory, {"a": OTHER}, 101.5)
    assert debounce(memory, 2.0, 102.0).ready == {}
    memory = remember(memory, {"a": OTHER}, 103.5)
    assert debounce(memory, 2.0, 103.5).ready == {"a": OTHER}
    assert remember(memory, {}, 104.0).pending == {}


def test_a_burst_is_waited_for_but_not_for_ever():
    memory = remember(Memory(), {"a": STAMP}, 100.0)
    memory = remember(memory, {"a": STAMP, "b": STAMP}, 101.9)
    assert debounce(memory, 2.0, 102.1).ready == {}
    assert debounce(memory, 2.0, 104.0).ready == {"a": STAMP, "b": STAMP}
    late = 100.0 + PATIENCE * 2.0
    memory = remember(memory, {"a": STAMP, "b": OTHER}, late)
    assert debounce(memory, 2.0, late).ready == {"a": STAMP}


def test_a_file_known_to_be_restless_is_not_waited_for():
    memory = Memory()
    for turn in range(RESTLESS):
        memory = remember(memory, {"busy": Stamp(turn, turn, turn)}, 100.0 + turn)
    memory = remember(memory, {"busy": Stamp(9, 9, 9), "a": STAMP}, 104.0)
    memory = remember(memory, {"busy": Stamp(10, 9, 9), "a": STAMP}, 106.0)
    settled = debounce(memory, 2.0, 106.0)
    assert (dict(settled.ready), settled.moving) == ({"a": STAMP}, ("busy",))


def test_churn_counts_an_hour_and_is_bounded():
    memory = Memory()
    for turn in range(20):
        memory = remember(memory, {"busy": Stamp(turn, turn, turn), "calm": STAMP}, 1000.0 + turn)
    assert churning(memory, 12, 1020.0) == {"busy": 20}
    assert churning(memory, 12, 1020.0 + 3600.0) == {}
    many = {f"f{number}": STAMP for number in range(CHURN_PATHS + 50)}
    memory = remember(memory, many, 1030.0)
    assert len(memory.churn) == CHURN_PATHS and "busy" in memory.churn


def test_what_was_only_written_anew_is_forgotten():
    memory = remember(Memory(churn={"a": (50.0,)}), {"a": STAMP, "b": STAMP}, 100.0)
    memory = remember(memory, {"a": OTHER, "b": STAMP}, 101.0)
    assert memory.churn["a"] == (50.0, 100.0, 101.0)
    memory = forget(memory, {"a": OTHER})
    assert (memory.churn["a"], dict(memory.cleared), list(memory.pending)) == ((50.0,), {"a": OTHER}, ["b"])


def test_a_change_that_was_asked_for_is_not_counted_twice():
    memory = Memory(asked={"a": STAMP})
    assert remember(memory, {"a": STAMP}, 5.0).churn == {}


@pytest.mark.parametrize("count", [10, 999, 1000, 5000])
def test_settled_files_go_however_many_they_are_beside_one_that_keeps_changing(count):
    settled = {f"f{number}": STAMP for number in range(count)}
    memory = Memory()
    for turn in range(10):
        memory = remember(memory, {**settled, "busy": Stamp(turn, turn, turn)}, 100.0 + turn)
    found = debounce(memory, 2.0, 109.0)
    assert (dict(found.ready), found.moving) == (settled, ("busy",))


def test_what_was_asked_for_is_known_again_however_much_it_was():
    many: dict[str, Stamp | None] = {f"f{number}": STAMP for number in range(MANY)}
    kept = bounded(many)
    assert {path: stamp.size for path, stamp in kept.items() if stamp} == {ALL: MANY}
    assert bounded({"a": STAMP}) == {"a": STAMP}
    for asked in (many, kept):
        assert not is_news(many, asked)
        assert is_news({**many, "f0": OTHER}, asked) and is_news({**many, "new": None}, asked)


ROOM = 300


def moving(count: int, since: float) -> tuple[Memory, Debounced]:
    """One settled file, and as many that move."""
    restless = tuple(f"App/Moving/{number:04}.dat" for number in range(count))
    memory = Memory(pending={"a": Sighting(STAMP, since, since)}, churn={restless[-1]: (1.0, 2.0, 3.0)})
    return memory, Debounced({"a": STAMP}, restless, 1.0)


def test_few_files_that_move_are_all_named():
    memory, settled = moving(5, since=100.0)
    assert named(settled, memory, 102.0, ROOM) == settled


@pytest.mark.parametrize("count", [50, 5000])
def test_what_settled_waits_for_a_bulk_and_then_goes_however_much_moves(count):
    memory, settled = moving(count, since=100.0)
    assert named(settled, memory, 101.0 + BULK_SECONDS - 2.0, ROOM) == replace(settled, ready={})
    taken = named(settled, memory, 100.0 + BULK_SECONDS, ROOM)
    assert (taken.ready, taken.moving[0]) == ({"a": STAMP}, settled.moving[-1])
    assert 0 < len(json.dumps(taken.moving)) <= ROOM


def test_names_of_other_alphabets_fit_the_room_they_take():
    memory, settled = moving(3, since=100.0)
    settled = replace(settled, moving=tuple("\u00fc" * 40 + str(number) for number in range(3)))
    taken = named(settled, memory, 100.0 + BULK_SECONDS, ROOM)
    assert len(taken.moving) == 1 and len(json.dumps(taken.moving)) <= ROOM


BACK = 7200.0


def test_a_clock_set_back_holds_up_no_change():
    memory = remember(Memory(), {"a": STAMP}, 100_000.0)
    memory = remember(memory, {"a": STAMP}, 100_001.0 - BACK)
    assert debounce(memory, 2.0, 100_001.0 - BACK).wait == 2.0
    assert debounce(memory, 2.0, 100_003.0 - BACK).ready == {"a": STAMP}


def test_a_clock_set_back_lets_churn_and_tries_go_on():
    memory = remember(Memory(tried_at=99_990.0), {"a": STAMP}, 100_000.0)
    memory = memory.at(100_000.0 - BACK)
    assert churning(memory, 0, 100_000.0 - BACK + 1.0) == {"a": 1}
    assert churning(memory, 0, 100_000.0 - BACK + 3700.0) == {}
    assert memory.tried_at == 99_990.0 - BACK


@pytest.mark.parametrize("jump", [BACK, -BACK])
def test_a_clock_that_jumps_between_two_looks_costs_one_stable_time_at_most(jump):
    memory = remember(Memory(), {"a": STAMP}, 100_000.0)
    memory = remember(memory, {"a": OTHER}, 100_001.0 + jump)
    memory = remember(memory, {"a": OTHER}, 100_003.0 + jump)
    assert debounce(memory, 2.0, 100_003.0 + jump).ready == {"a": OTHER}


def test_young_files_may_hide_a_change():
    stamp = Stamp(1, 99 * 10**9, None)
    assert is_young(stamp, 100.0)
    assert not is_young(stamp, 101.5)
    exact = stamp._replace(change_ns=100 * 10**9)
    assert is_young(exact, 100.05)
    assert not is_young(exact, 100.5)


def test_memory_survives_its_column():
    memory = Memory(
        pending={"a": Sighting(STAMP, 1.5, 1.0), "gone": Sighting(None, 2.0, 2.0)},
        asked={"a": STAMP, "gone": None},
        asked_by=7,
        cleared={"b": Stamp(1, 2, None)},
        churn={"a": (1.0, 2.0)},
        stubborn={"c": "locked"},
        tried_at=3.0,
        looked_at=4.0,
    )
    assert Memory.from_json(json.loads(json.dumps(memory.to_json()))) == memory
    assert Memory.from_json({}) == Memory()


EARLIER_ROW = """{"pending": {"a": [[10, 1000, 2000], 1.5, 1.0], "gone": [null, 2.0, 2.0]}, "asked_by": 7,
"asked": {"a": [10, 1000, 2000], "gone": null}, "cleared": {"b": [1, 2, null]}, "churn": {"a": [1, 2.0]}, "tried_at": 3,
"stubborn": {"c": "locked"}}"""


def test_a_row_of_an_earlier_version_is_read():
    memory = Memory.kept_in(json.loads(EARLIER_ROW))
    assert memory.pending == {"a": Sighting(STAMP, 1.5, 1.0), "gone": Sighting(None, 2.0, 2.0)}
    assert (memory.asked, memory.asked_by, memory.tried_at) == ({"a": STAMP, "gone": None}, 7, 3.0)
    assert (memory.cleared, memory.churn, memory.stubborn) == (
        {"b": Stamp(1, 2, None)},
        {"a": (1.0, 2.0)},
        {"c": "locked"},
    )


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"pending": {"a": [[10, "x", None], 1.0, 1.0]}}, r"\$\.pending\[\.\.\.\]\[0\]\[1\]"),
        ({"pending": {"a": [[10, 1], 1.0, 1.0]}}, r"\$\.pending\[\.\.\.\]\[0\]"),
        ({"asked": {"a": [True, 1, None]}}, r"\$\.asked\[\.\.\.\]\[0\]"),
        ({"churn": {"a": ["now"]}}, r"\$\.churn\[\.\.\.\]\[0\]"),
        ({"asked_by": "7"}, r"\$\.asked_by"),
        ({"tried_at": None}, r"\$\.tried_at"),
        ([], "Expected `object`"),
    ],
)
def test_a_row_that_cannot_be_read_names_the_place_and_is_looked_at_afresh(document, place):
    with pytest.raises(ValueError, match=place):
        Memory.from_json(document)
    assert Memory.kept_in(document) == Memory()


def test_rewriting_is_no_change_before_it_was_looked_into():
    """A mail server writes the same bytes back all the time; another size is certain, and what is new, or gone."""
    reference = {"same-size": known(), "longer": known(), "gone": known(), "busy": known()}
    reference |= {"rewritten": known(), "read": known()}
    seen = {"same-size": OTHER, "longer": STAMP._replace(size=11), "gone": None, "new": STAMP}
    pending = {path: Sighting(stamp, 100.0, 100.0) for path, stamp in seen.items()}
    pending["busy"] = Sighting(OTHER, 100.0, 90.0)  # it never came to rest
    pending["rewritten"] = Sighting(OTHER, 90.0, 90.0)  # it did, was read, and is not ready
    pending["read"] = Sighting(OTHER, 90.0, 90.0)
    changed = changed_for_certain(reference, Memory(pending=pending), {"read"}, 2.0, 100.5)
    assert set(changed) == {"longer", "gone", "new", "busy", "read"}


NEW = known(STAMP._replace(size=12), sha256="1" * 64)
HELD = [
    ({"a": known(), "b": known()}, {}, 0),
    ({"a": known(), "b": known()}, {"a": STAMP._replace(size=12)}, 1),
    ({"a": NEW, "b": known()}, {}, 1),  # it holds another content than the tree that all were given
    ({"a": NEW, "b": known()}, {"a": STAMP._replace(size=12)}, 0),  # it was given the change already
    ({"a": NEW, "b": known()}, {"a": None}, 1),
    ({"b": known()}, {"a": None}, 0),
    ({"a": known(), "b": known(), "c": known()}, {"b": OTHER}, 2),
    ({"a": known(mtime_ns=5), "b": known()}, {}, 0),  # the same content at another time
]


@pytest.mark.parametrize(("held", "changed", "count"), HELD)
def test_a_secondary_lacks_what_differs_from_the_primary_as_it_is_now(held, changed, count):
    assert behind_by({"a": known(), "b": known()}, changed, held) == count
