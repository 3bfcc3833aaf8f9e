"""Many new files on a real node: unpacked in trees that are linked into place whole; nothing there is overwritten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from nodes.connection.connect import NodeLink
from nodes.errors import SessionLost
from nodes.leases.errors import LeaseLost
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.remote.ssh import SshSession
from replication.files.apply.context import Context, Overwritten
from replication.files.apply.leftovers import sweep
from replication.files.apply.names import parse
from replication.files.apply.round import Round, apply_round
from replication.files.apply.staging import MANY
from replication.files.core.changes import Change, ChangeKind
from replication.files.core.paths import RelPath
from tests.fakes.store import FakeStore
from tests.replication.files.rounds import PROFILE, Interrupting, update, wanted
from tests.sshd import a_session

ABLE = Capabilities(can_list=True, can_hash=True, can_untar=True, can_link=True)
FOLDERS = ("", "App/", "App/-x y/\u00fc\n", "Users/a.example/u/")


@dataclass(slots=True)
class Place:
    """A node with a folder, and what was kept of its edits."""

    root: Path
    session: SshSession
    store: Any = field(default_factory=FakeStore)
    kept: list[Overwritten] = field(default_factory=list)

    def context(self, meanwhile: Callable[[str], None] = print, *, able: Capabilities = ABLE, **ends: Any) -> Context:
        link = NodeLink(self.session, platform_named("posix"), str(self.root), able, 1, "mx1")
        guard: Any = Interrupting(ends.get("at", ""), ends.get("error", SessionLost()), meanwhile=meanwhile)
        return Context(link, PROFILE, self.store, guard, ends.get("tag", "1.7"))

    def apply(self, changes: list[Change], context: Context) -> Round:
        return apply_round(context, changes, keep=self.kept.extend)

    def add(self, path: str, content: bytes, *, group: int = 50, shared: bool = False) -> Change:
        self.store.put(content)
        return Change(ChangeKind.ADD, RelPath(path), replace(wanted(content), shared=shared), None, group)

    def many(self, *, shared: bool = False) -> list[Change]:
        """New files in several folders and two groups, with contents that some of them share."""
        return [
            self.add(
                f"{FOLDERS[number % len(FOLDERS)]}{number}.grp",
                b"content %d" % (number // 3),
                group=number % 2,
                shared=shared,
            )
            for number in range(MANY + 10)
        ]

    def temporary(self) -> list[str]:
        """Names of what rounds left at the top."""
        return [path.name for path in self.root.iterdir() if parse(path.name)]

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.root)): path.read_bytes() for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "root").mkdir()
    with a_session(tmp_path / "sshd") as session:
        yield Place(tmp_path / "root", session)


def wished(place: Place, changes: list[Change]) -> dict[str, bytes]:
    return {str(change.path): place.store.get(change.wanted.sha256) for change in changes if change.wanted}


@pytest.mark.parametrize("can_link", [True, False])
def test_new_files_stand_where_they_shall_with_their_times(place: Place, *, can_link: bool) -> None:
    changes = place.many()
    able = Capabilities(can_list=True, can_hash=True, can_untar=True, can_link=can_link)
    came = place.apply(changes, place.context(able=able))
    assert sorted(came.done) == sorted(change.path for change in changes)
    assert place.files() == wished(place, changes)
    assert all((place.root / change.path).stat().st_mtime_ns == 10**18 for change in changes)
    assert all((place.root / change.path).stat().st_nlink == 1 for change in changes)
    assert place.temporary() == []


def test_new_and_changed_files_travel_together(place: Place) -> None:
    changes = place.many()
    (place.root / "old.grp").write_bytes(b"old")
    place.store.put(b"new")
    changes.append(update(RelPath("old.grp"), b"old", b"new"))
    place.apply(changes, place.context())
    assert place.files() == wished(place, changes)


def test_a_few_files_of_the_nodes_own_leave_the_stream_to_all(place: Place) -> None:
    changes = place.many(shared=True)
    place.apply(changes, place.context())
    stored = set(place.store.contents)
    for path in changes:
        (place.root / path.path).unlink()
    own = place.add("own.ini", b"own keys")
    came = place.apply([*changes, own], place.context(tag="1.8"))
    assert own.path in came.done
    assert place.files() == wished(place, [*changes, own])
    assert (place.root / own.path).stat().st_mtime_ns == 10**18
    assert set(place.store.contents) - stored == {own.wanted.sha256 if own.wanted else ""}


def test_what_appeared_meanwhile_is_kept_before_it_is_replaced(place: Place) -> None:
    changes = place.many()
    late = place.root / changes[3].path

    def edit(name: str) -> None:
        if name == "staged-verified":
            late.write_bytes(b"somebody else's")

    place.apply(changes, place.context(edit))
    assert place.files() == wished(place, changes)
    assert [(edit.path, place.store.get(edit.content)) for edit in place.kept] == [
        (changes[3].path, b"somebody else's")
    ]


def test_a_folder_in_the_place_of_a_file_blocks_that_file_alone(place: Place) -> None:
    changes = place.many()
    (place.root / changes[0].path).mkdir()
    (place.root / changes[0].path / "inside").write_bytes(b"theirs")
    came = place.apply(changes, place.context())
    assert set(came.blocked) == {changes[0].path}
    assert place.files() == wished(place, changes[1:]) | {f"{changes[0].path}/inside": b"theirs"}


def test_a_link_to_a_folder_is_never_entered(place: Place, tmp_path: Path) -> None:
    changes = place.many()
    outside = tmp_path / "outside"
    outside.mkdir()
    (place.root / "App").symlink_to(outside)
    came = place.apply(changes, place.context())
    assert {path for path in came.blocked if path.startswith("App/")} == set(came.blocked) != set()
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("at", ["staged", "staged-verified", "added", "swapped-group"])
def test_what_a_killed_worker_left_is_swept(place: Place, at: str) -> None:
    changes = place.many()
    with pytest.raises(LeaseLost):
        place.apply(changes, place.context(at=at, error=LeaseLost("taken over")))
    left = place.temporary()
    assert len(left) == 1
    sweep(place.context(tag="1.8"), left, {}, place.kept.extend)
    assert place.temporary() == []
    assert place.files().items() <= wished(place, changes).items()
    assert place.kept == []
