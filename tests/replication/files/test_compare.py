"""Compare: one row a case, then properties over all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.remote.packets import LATEST_MTIME
from replication.files.core import compare as core_compare
from replication.files.core.changes import ChangeKind, Found
from replication.files.core.compare import Delta, Handling, compare
from replication.files.core.manifest import FileState, Manifest, Problem
from replication.files.core.paths import RelPath
from tests.replication.samples import (
    SECOND,
    state,
    wanted,
    without_folders,
)


def _handling(path: RelPath) -> Handling:
    if path.endswith(".first"):
        return Handling(10, "LISTS.SEM", "none")
    return Handling(50, "CFG.SEM", "restart MDaemon")


def _manifest(content: dict[str, str | FileState], **more) -> Manifest:
    files = {RelPath(p): state(value) if isinstance(value, str) else value for p, value in content.items()}
    return Manifest(files, **more)


def _compare(*, base=None, actual=None, want=None, folds_case=False, manifest=None, **more) -> Delta:
    files = {RelPath(p): wanted(value) if isinstance(value, str) else value for p, value in (want or {}).items()}
    return compare(
        wanted=files,
        baseline=None if base is None else _manifest(base),
        actual=_manifest(actual or {}, **(manifest or {})),
        ruling=_handling,
        folds_case=folds_case,
        **more,
    )


def _told(delta: Delta) -> list[str]:
    """A delta in words: changes in order with ! for a conflict, then extras, then problems."""
    changes = [f"{c.kind} {c.path}{'!' if c.conflict else ''}" for c in delta.changes]
    return [*changes, *(f"extra {path}" for path in delta.extras), *(f"{p.code} {p.path}" for p in delta.problems)]


@dataclass
class Row:
    what: str
    base: dict[str, Any] | None
    actual: dict[str, Any]
    want: dict[str, Any]
    expected: list[str]
    more: dict[str, Any] = field(default_factory=dict)


NFC, NFD = "K\u00f6ln.ini", "Ko\u0308ln.ini"
DENIED = Problem("a", "unreadable")
ROWS = [
    Row("nothing anywhere", {}, {}, {}, []),
    Row("all the same", {"a": "1"}, {"a": "1"}, {"a": "1"}, []),
    Row("new on the primary", {}, {}, {"a": "1"}, ["add a"]),
    Row("changed on the primary", {"a": "1"}, {"a": "1"}, {"a": "2"}, ["update a"]),
    Row("deleted on the primary", {"a": "1"}, {"a": "1"}, {}, ["delete a"]),
    Row("deleted on the primary, gone already", {"a": "1"}, {}, {}, []),
    Row("edited on the node", {"a": "1"}, {"a": "x"}, {"a": "1"}, ["update a!"]),
    Row("edited on both", {"a": "1"}, {"a": "x"}, {"a": "2"}, ["update a!"]),
    Row("edited on both alike", {"a": "1"}, {"a": "2"}, {"a": "2"}, []),
    Row("deleted on the node", {"a": "1"}, {}, {"a": "1"}, ["add a!"]),
    Row("made on both, differing", {}, {"a": "x"}, {"a": "1"}, ["update a!"]),
    Row("made on both alike", {}, {"a": "1"}, {"a": "1"}, []),
    Row("made on the node", {}, {"a": "x"}, {}, ["extra a"]),
    Row("deleted on the primary, edited on the node", {"a": "1"}, {"a": "x"}, {}, ["extra a"]),
    Row("first run: differs", None, {"a": "x"}, {"a": "1"}, ["update a"]),
    Row("first run: missing", None, {}, {"a": "1"}, ["add a"]),
    Row("first run: extra", None, {"a": "x"}, {}, ["extra a"]),
    Row("another time", {"a": "1"}, {"a": state("1", mtime=5 * SECOND)}, {"a": "1"}, ["touch a"]),
    Row("edited time and content", {"a": "1"}, {"a": state("x", mtime=5 * SECOND)}, {"a": "1"}, ["update a!"]),
    Row("a node that keeps whole seconds", {}, {"a": "1"}, {"a": wanted("1", mtime=SECOND + 123_456_789)}, []),
    Row(
        "a node that keeps 100 ns",
        {},
        {"a": state("1", mtime=1_123_456_700)},
        {"a": wanted("1", mtime=1_123_456_789)},
        [],
    ),
    Row(
        "100 ns apart", {}, {"a": state("1", mtime=1_123_456_800)}, {"a": wanted("1", mtime=1_123_456_789)}, ["touch a"]
    ),
    Row("before 1970 on the primary", {}, {"a": state("1", mtime=0)}, {"a": wanted("1", mtime=-SECOND // 2)}, []),
    Row("before 1970 on the node", {}, {"a": state("1", mtime=-9 * SECOND)}, {"a": wanted("1", mtime=0)}, []),
    Row(
        "after 2106",
        {},
        {"a": state("1", mtime=LATEST_MTIME * SECOND)},
        {"a": wanted("1", mtime=(LATEST_MTIME + 9) * SECOND + 5)},
        [],
    ),
    Row("the last second SFTP knows", {}, {"a": "1"}, {"a": wanted("1", mtime=LATEST_MTIME * SECOND)}, ["touch a"]),
    Row(
        "order: additions and updates by group then path, deletions after in reverse",
        {"u": "1", "d": "1", "d.first": "1"},
        {"u": "1", "d": "1", "d.first": "1"},
        {"b": "1", "a": "1", "z.first": "1", "u": "2"},
        ["add z.first", "add a", "add b", "update u", "delete d", "delete d.first"],
    ),
    Row("stale is not deleted", {"a": "1"}, {"a": state("1", stale=True)}, {}, ["extra a"]),
    Row("stale is not written", {"a": "1"}, {"a": state("1", stale=True)}, {"a": "2"}, ["unreadable a"]),
    Row(
        "stale and reported already",
        {"a": "1"},
        {"a": state("1", stale=True)},
        {"a": "2"},
        [],
        {"manifest": {"problems": (DENIED,)}},
    ),
    Row("unreadable is not absent", {"a": "1"}, {}, {"a": "2"}, [], {"manifest": {"problems": (DENIED,)}}),
    Row("a link above the file", {}, {}, {"a/b/c": "2"}, [], {"manifest": {"problems": (Problem("a", "not_a_file"),)}}),
    Row(
        "a problem that left the file known",
        {"a": "1"},
        {"a": "1"},
        {"a": "2"},
        ["update a"],
        {"manifest": {"problems": (DENIED,)}},
    ),
    Row("unlisted: no deletion", {"l/a": "1"}, {"l/a": "1"}, {}, [], {"manifest": {"unlisted": ("l",)}}),
    Row(
        "unlisted: no blind addition",
        {},
        {},
        {"l/a": "1", "k": "1"},
        ["add k", "unlisted l/a"],
        {"manifest": {"unlisted": ("l",)}},
    ),
    Row(
        "unlisted: a known file is updated",
        {"l/a": "1"},
        {"l/a": "1"},
        {"l/a": "2"},
        ["update l/a"],
        {"manifest": {"unlisted": ("l",)}},
    ),
    Row("unlisted altogether", {"a": "1"}, {"a": "1"}, {}, [], {"manifest": {"unlisted": ("",)}}),
    Row(
        "unlisted is not its namesake", {"la": "1"}, {"la": "1"}, {}, ["delete la"], {"manifest": {"unlisted": ("l",)}}
    ),
    Row("the primary's folder unknown", {"l/a": "1"}, {"l/a": "1"}, {}, [], {"unknown": ("l",)}),
    Row("a file where a folder shall be", {"a": "1"}, {"a": "1"}, {"a/b": "1"}, ["add a/b", "delete a"]),
    Row("a folder where a file shall be", {"a/b": "1"}, {"a/b": "1"}, {"a": "1"}, ["add a", "delete a/b"]),
    Row(
        "emptied folders of ours where a file shall be",
        {"a/b/c": "1"},
        {},
        {"a": "1"},
        ["add a"],
        {"folders": ("a", "a/b")},
    ),
    Row("a folder of its own there", {}, {}, {"a": "1"}, ["in_the_way a"], {"folders": ("a",)}),
    Row(
        "a folder of its own in ours",
        {"a/b": "1"},
        {"a/b": "1"},
        {"a": "1"},
        ["delete a/b", "in_the_way a"],
        {"folders": ("a", "a/own")},
    ),
    Row("an edit in the folder", {"a/b": "1"}, {"a/b": "x"}, {"a": "1"}, ["extra a/b", "in_the_way a"]),
    Row(
        "a file of its own in the folder",
        {"a/b": "1"},
        {"a/b": "1", "a/x": "1"},
        {"a": "1"},
        ["delete a/b", "extra a/x", "in_the_way a"],
    ),
    Row(
        "a file nobody sorted in the folder",
        {"a/b": "1"},
        {"a/b": "1"},
        {"a": "1"},
        ["delete a/b", "in_the_way a"],
        {"manifest": {"unclassified": ("a/x",)}},
    ),
    Row("a file of its own where a folder shall be", {}, {"a": "1"}, {"a/b/c": "1"}, ["extra a", "in_the_way a/b/c"]),
    Row(
        "a file that is a folder by another case",
        {},
        {},
        {"A": "1", "a/b": "1"},
        ["add A", "in_the_way a/b"],
        {"folds_case": True},
    ),
    Row(
        "a folder by another case",
        {"A/b": "1"},
        {"A/b": "1"},
        {"a": "1"},
        ["add a", "delete A/b"],
        {"folds_case": True, "folders": ("A",)},
    ),
    Row("another case is another file", {}, {"A": "1"}, {"a": "1"}, ["add a", "extra A"]),
    Row("another case is the same file", {"a": "1"}, {"A": "1"}, {"a": "1"}, [], {"folds_case": True}),
    Row("the node's spelling is kept", {"a": "1"}, {"A": "1"}, {"a": "2"}, ["update A"], {"folds_case": True}),
    Row("normal forms", {NFC: "1"}, {NFD: "1"}, {NFC: "2"}, [f"update {NFD}"], {"folds_case": True}),
    Row(
        "two wanted fall together",
        {},
        {},
        {"A": "1", "a": "2", "b": "1"},
        ["add b", "collision A", "collision a"],
        {"folds_case": True},
    ),
    Row(
        "two actual fall together", {"a": "1"}, {"A": "1", "a": "1"}, {"a": "2"}, ["collision a"], {"folds_case": True}
    ),
    Row("two actual, none wanted", {"a": "1"}, {"A": "1", "a": "1"}, {}, ["extra A", "extra a"], {"folds_case": True}),
    Row("two in the baseline prove nothing", {"A": "1", "a": "2"}, {"A": "1"}, {}, ["extra A"], {"folds_case": True}),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_the_table(row):
    assert _told(_compare(base=row.base, actual=row.actual, want=row.want, **row.more)) == row.expected


def test_a_change_carries_what_was_found_and_how_it_is_handled():
    [change] = _compare(base={"a.first": "1"}, actual={"a.first": "old"}, want={"a.first": "new"}).changes
    assert change.found == Found(state("old").sha256, 3, SECOND)
    assert change.wanted == wanted("new")
    assert (change.group, change.semaphore, change.effect) == (10, "LISTS.SEM", "none")


def test_a_new_time_alone_tells_nobody():
    [change] = _compare(actual={"a": state("1", mtime=0)}, want={"a": wanted("1", mtime=7 * SECOND)}).changes
    assert (change.kind, change.semaphore, change.effect) == (ChangeKind.TOUCH, None, "none")


def test_same_lists_what_needs_nothing():
    delta = _compare(base={}, actual={"a": "1", "b": state("1", stale=True)}, want={"a": "1", "b": "1"})
    assert delta.same == ("a",)


SIDES = {"a/B": "1", "a/b": "1", "c": "1"}
OTHERWISE = st.sampled_from([None, state("2"), state("1", mtime=9 * SECOND), state("1", stale=True)])
FEW = st.dictionaries(st.sampled_from(sorted(SIDES)), OTHERWISE, max_size=1)


@given(FEW, st.sets(st.sampled_from([*SIDES, "d"])), st.booleans(), st.booleans())
def test_what_is_as_it_shall_be_is_told_without_weighing_as_with_it(others, left_out, known, folds):
    want = {path: text for path, text in SIDES.items() if path not in left_out}
    there: dict[str, Any] = {path: others.get(path, text) for path, text in want.items()}
    actual = {path: text for path, text in there.items() if text is not None} | ({"d": "1"} if "d" in left_out else {})

    def told() -> Delta:
        return _compare(base=want if known else None, actual=actual, want=want, folds_case=folds, folders=("e", "c"))

    quick = told()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core_compare, "_is_settled", lambda *_, **__: False)
        assert quick == told()


texts = st.sampled_from(["", "1", "22", "333"])
small_paths = (
    st.lists(st.sampled_from(["a", "B", "b", "\u00e4", "c.first"]), min_size=1, max_size=3).map("/".join).map(RelPath)
)
trees = st.dictionaries(small_paths, texts, max_size=8).map(without_folders)
FOLDS = st.booleans()


def _apply(delta: Delta, actual: dict[RelPath, FileState]) -> dict[RelPath, FileState]:
    files = dict(actual)
    for change in delta.changes:
        assert (change.found is not None) == (change.path in files)
        if change.found:
            assert files[change.path].sha256 == change.found.sha256
        if change.wanted is None:
            del files[change.path]
        else:
            files[change.path] = FileState(change.wanted.size, change.wanted.mtime_ns, change.wanted.sha256)
    return files


def _ran(base, actual, want, folds):
    before = {path: state(text, mtime=len(text) * SECOND) for path, text in actual.items()}
    goal = {path: wanted(text) for path, text in want.items()}
    known = None if base is None else Manifest({path: state(text) for path, text in base.items()})

    def plan(now, baseline):
        return compare(wanted=goal, baseline=baseline, actual=Manifest(now), ruling=_handling, folds_case=folds)

    delta = plan(before, known)
    after = _apply(delta, before)
    # what was proven: what is wanted and there
    keys = {path.key(folds_case=folds) for path in goal}
    proven = Manifest({path: value for path, value in after.items() if path.key(folds_case=folds) in keys})
    return before, delta, after, plan(after, proven)


@given(st.none() | trees, trees, trees, FOLDS)
def test_applying_makes_actual_as_wanted_except_what_is_reported(base, actual, want, folds):
    _, delta, after, _ = _ran(base, actual, want, folds)
    reported = {problem.path for problem in delta.problems}
    by_key = {path.key(folds_case=folds): value for path, value in after.items()}
    for path, text in want.items():
        if path not in reported:
            assert by_key[path.key(folds_case=folds)] == state(text)


@given(st.none() | trees, trees, trees, FOLDS)
def test_a_second_run_plans_nothing_but_what_was_in_the_way(base, actual, want, folds):
    _, first, _, second = _ran(base, actual, want, folds)
    reported = {problem.path for problem in first.problems}
    assert all(change.path in reported for change in second.changes)
    if not reported:
        assert second.changes == second.problems == ()
        assert second.extras == first.extras


@given(st.none() | trees, trees, trees, FOLDS)
def test_only_what_the_baseline_proves_is_deleted_and_extras_are_untouched(base, actual, want, folds):
    before, delta, after, _ = _ran(base, actual, want, folds)
    proven = {(path.key(folds_case=folds), state(text).sha256) for path, text in (base or {}).items()}
    for change in delta.changes:
        if change.kind == ChangeKind.DELETE:
            assert (change.path.key(folds_case=folds), before[change.path].sha256) in proven
    assert all(after[path] == before[path] for path in delta.extras)


@given(st.none() | trees, trees, trees, FOLDS, st.sampled_from(["", "a", "B", "b/a"]))
def test_nothing_is_deleted_or_blindly_added_beneath_an_unlisted_folder(base, actual, want, folds, folder):
    delta = compare(
        wanted={path: wanted(text) for path, text in want.items()},
        baseline=None if base is None else Manifest({path: state(text) for path, text in base.items()}),
        actual=Manifest({path: state(text) for path, text in actual.items()}, unlisted=(folder,)),
        ruling=_handling,
        folds_case=folds,
    )
    for change in delta.changes:
        if not folder or change.path == folder or change.path.startswith(folder + "/"):
            assert change.kind in (ChangeKind.UPDATE, ChangeKind.TOUCH)


@given(st.none() | trees, trees, trees, FOLDS)
def test_an_overwritten_edit_is_always_marked(base, actual, want, folds):
    before, delta, _, _ = _ran(base, actual, want, folds)
    ours = {(path.key(folds_case=folds), state(text).sha256) for path, text in (base or {}).items()}
    for change in delta.changes:
        if change.kind == ChangeKind.UPDATE and base is not None:
            edited = (change.path.key(folds_case=folds), before[change.path].sha256) not in ours
            assert change.conflict or not edited
