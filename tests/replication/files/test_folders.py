"""Folders: which changes wait for others to make room, which folders may go, and how they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from nodes.errors import Unsupported
from nodes.remote.session import Outcome
from replication.files.apply.round import apply_round
from replication.files.core.changes import Change, ChangeKind, Found, in_turns
from replication.files.core.paths import RelPath, emptied_folders, not_ours
from replication.jobs.interruptions import Cancelled
from replication.objects import Store
from tests.fakes.disk import FakeDisk
from tests.faults import Through
from tests.replication.files.rounds import ROOT, Interrupting, Scene
from tests.replication.samples import sha, wanted

TURNED = f"{ROOT}/App/turned"


def add(path: str) -> Change:
    return Change(ChangeKind.ADD, RelPath(path), wanted("1"), None)


def delete(path: str) -> Change:
    return Change(ChangeKind.DELETE, RelPath(path), None, Found("0" * 64, 1, 0))


def test_what_needs_the_place_of_what_goes_waits_for_it():
    changes = [add("a"), add("b/c"), add("d"), delete("a/x/y"), delete("b"), delete("e")]
    assert in_turns(changes, folds_case=False) == ([changes[2], *changes[3:]], changes[:2])
    assert in_turns([add("A"), delete("a/x")], folds_case=False) == ([add("A"), delete("a/x")],)
    assert in_turns([add("A"), delete("a/x")], folds_case=True) == ([delete("a/x")], [add("A")])


def test_without_such_there_is_one_turn():
    for changes in ([], [add("a"), add("b")], [add("ab"), delete("a/x"), delete("a.x")]):
        assert in_turns(changes, folds_case=False) == (changes,)


def test_only_what_replication_made_and_what_holds_nothing_is_removed():
    found = emptied_folders(
        ["new", "new/in", "held", "before", "Before/in", "own"],
        written=["new/in/a", "held/a", "held/b", "before/a", "before/in/a"],
        held=["held/b"],
        before=["BEFORE"],
        folds_case=True,
    )
    assert found == ["new", "new/in", "Before/in"]


def test_where_nobody_knows_what_was_before_no_folder_is_ours():
    assert list(not_ours(["a", "B"], None, folds_case=True)) == ["a", "B"]
    assert list(not_ours(["a", "B"], ["b"], folds_case=True)) == ["B"]
    assert list(not_ours(["a", "B"], ["b"], folds_case=False)) == []


@pytest.fixture
def scene(db: None) -> Scene:
    made = Scene(FakeDisk(), Store(), [])
    made.store.put(b"1", secret=False)
    return made


class Unlinked(Through):
    """A server without hard links."""

    def link_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        return [Unsupported() for _ in pairs]


@pytest.mark.parametrize("links", [True, False])
def test_empty_folders_make_room_for_a_file(scene: Scene, links: bool) -> None:
    """As those that an earlier run emptied before it died."""
    scene.disk.put_folder(f"{TURNED}/in/deep")
    context = scene.context(Interrupting("", Cancelled("nobody")))
    if not links:
        context = replace(context, link=replace(context.link, session=Unlinked(context.link.session)))
    came = apply_round(context, [add("App/turned")], keep=scene.kept.extend)
    assert (came.done, dict(came.blocked)) == (("App/turned",), {})
    assert scene.disk.content(TURNED) == b"1"
    assert (scene.kept, scene.temporary()) == ([], [])


def test_a_folder_that_holds_a_file_makes_no_room(scene: Scene) -> None:
    scene.disk.put(f"{TURNED}/in/own", b"own")
    context = scene.context(Interrupting("", Cancelled("nobody")))
    came = apply_round(context, [add("App/turned")], keep=scene.kept.extend)
    assert came.done == ()
    assert "did not write" in came.blocked["App/turned"]
    assert scene.disk.content(f"{TURNED}/in/own") == b"own"
    assert scene.temporary() == []


def test_a_round_exchanges_folder_and_file_and_tells_the_server_once(scene: Scene) -> None:
    found = Found(sha("old"), 3, 0)
    scene.disk.put(f"{TURNED}/in/a", b"old")
    scene.disk.put(f"{ROOT}/App/flipped", b"old")
    gone = [replace(delete(path), found=found, semaphore="X.SEM") for path in ("App/turned/in/a", "App/flipped")]
    new = [replace(add(path), semaphore="X.SEM") for path in ("App/turned", "App/flipped/b")]
    boundaries: list[str] = []
    guard = Interrupting("", Cancelled("nobody"), meanwhile=boundaries.append)
    came = apply_round(scene.context(guard), [*new, *gone], keep=scene.kept.extend)
    assert (set(came.done), dict(came.blocked)) == ({change.path for change in [*new, *gone]}, {})
    assert scene.disk.content(TURNED) == scene.disk.content(f"{ROOT}/App/flipped/b") == b"1"
    assert scene.store.get(sha("old")) == b"old"
    assert (scene.kept, scene.temporary()) == ([], [])
    assert came.told.dropped == ("X.SEM",)
    assert (boundaries.count("kept"), boundaries.count("semaphores-dropped")) == (2, 1)


def test_what_another_holds_is_blocked_with_what_needs_its_place(scene: Scene) -> None:
    scene.disk.put(f"{TURNED}/a", b"old")
    scene.disk.held.add(f"{TURNED}/a")
    changes = [add("App/turned"), replace(delete("App/turned/a"), found=Found(sha("old"), 3, 0))]
    guard = Interrupting("", Cancelled("nobody"))
    came = apply_round(scene.context(guard), changes, keep=scene.kept.extend)
    assert (came.done, set(came.blocked)) == ((), {"App/turned", "App/turned/a"})
    assert scene.disk.content(f"{TURNED}/a") == b"old"
