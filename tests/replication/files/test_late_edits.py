"""Edits that come while a round swaps files: kept, whatever ends the round, at whichever step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import pytest

from nodes.errors import SessionLost, Unsupported
from nodes.leases.errors import Interrupted, LeaseLost
from nodes.remote.session import Outcome
from replication.files.apply.context import Overwritten
from replication.files.apply.leftovers import sweep
from replication.files.apply.round import apply_round
from replication.files.core.changes import Change, ChangeKind, Found
from replication.files.core.paths import RelPath
from replication.jobs.interruptions import Cancelled, Paused, WorkerEnding, WritesStopped
from replication.objects import StoredObject
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.fakes.store import FakeStore
from tests.replication.files.rounds import ROOT, Killed, Scene, digest, update, wanted

T = TypeVar("T")

EDITED, GOING, APPEARED = RelPath("App/list.grp"), RelPath("App/going.dat"), RelPath("App/fresh.dat")
CHANGES = (
    Change(ChangeKind.ADD, APPEARED, wanted(b"new"), None),
    update(EDITED, b"old", b"new"),
    Change(ChangeKind.DELETE, GOING, None, Found(digest(b"old"), 3, 0)),
)
KNOWN = {EDITED: {digest(b"old"), digest(b"new")}, GOING: {digest(b"old")}, APPEARED: {digest(b"new")}}
"""What the next owner proves to be no edits."""


STOPS: dict[str, Callable[[], Interrupted]] = {
    "cancelled": lambda: Cancelled("somebody"),
    "cluster paused": lambda: Paused("the cluster is paused"),
    "node paused": lambda: Paused("mx1 is paused", node=True),
    "worker told to end": lambda: WorkerEnding("its worker is ending"),
    "all writes stopped": lambda: WritesStopped("somebody"),
}
WAYS: dict[str, Callable[[], BaseException]] = {
    **STOPS,
    "lease lost": lambda: LeaseLost("taken over"),
    "connection lost": SessionLost,
    "killed": Killed,
}


class Fate:
    """Counts everything a worker does, and from step `last` on lets it feel what ends it."""

    def __init__(self, last: int, end: BaseException) -> None:
        self.last, self.end, self.steps = last, end, 0

    @property
    def over(self) -> bool:
        return self.steps >= self.last

    def step(self, *felt: type[BaseException]) -> None:
        self.steps += 1
        if self.over and isinstance(self.end, (Killed, *felt)):
            raise self.end


class Guard:
    """The lease of a worker with a fate. At `edits_at` somebody edits files on the node."""

    def __init__(self, fate: Fate, edits_at: str = "", edit: Callable[[], None] = print) -> None:
        self.fate, self.edits_at, self.edit = fate, edits_at, edit

    def check(self) -> None:
        self.fate.step(Interrupted)

    def progress(self, **_: object) -> None:
        self.fate.step()

    def event(self, *_: object) -> None:
        self.fate.step()

    def boundary(self, name: str) -> None:
        if name == self.edits_at:
            self.edit()
        self.fate.step()


class Session(FakeSession):
    """The connection of a worker with a fate, which may end before each act on the node, and within longer ones."""

    def __init__(self, disk: FakeDisk, fate: Fate, *, links: bool = True) -> None:
        super().__init__(disk)
        self.fate, self.links = fate, links

    def _alive(self) -> None:
        self.lost = self.fate.steps + 1 >= self.fate.last and isinstance(self.fate.end, (Killed, SessionLost))
        self.fate.step(SessionLost)

    def link_many(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        return super().link_many(pairs) if self.links else [Unsupported() for _ in pairs]


class Shelf(FakeStore):
    """The store of a worker with a fate, which may end before and after content is in it."""

    def __init__(self) -> None:
        super().__init__()
        self.fate = Fate(10**9, Killed())
        self.put(b"new")

    def put_stream(self, chunks: Iterable[bytes], *, secret: bool = False) -> StoredObject:
        content = b"".join(chunks)
        self.fate.step()
        stored = super().put_stream([content], secret=secret)
        self.fate.step()
        return stored


class Story:
    """A node on which a list is edited, a file that will go is edited, and a file appears where one will come, all
    while a round is about to swap."""

    def __init__(self, *, links: bool = True) -> None:
        self.links = links
        self.store = Shelf()
        self.scene = Scene(FakeDisk(), self.store, [])
        for path in (EDITED, GOING):
            self.scene.disk.put(f"{ROOT}/{path}", b"old")
        self.edits: dict[str, bytes] = {}

    def edit(self) -> None:
        """Once, as a program does that writes into the file that is there, or makes one."""
        if self.edits:
            return
        for path in (EDITED, GOING, APPEARED):
            content = self.edits[path] = f"edit of {path}".encode()
            inode = self.scene.disk.names.get(f"{ROOT}/{path}")
            if inode is None:
                self.scene.disk.put(f"{ROOT}/{path}", content)
            else:
                inode.data[:] = content

    def run(self, fate: Fate, edits_at: str) -> BaseException | None:
        """One round; answers what ended it."""
        guard = Guard(fate, edits_at, self.edit)
        return self._ended(fate, lambda: self._round(fate, guard))

    def _round(self, fate: Fate, guard: Guard) -> None:
        context = self.scene.context(guard, session=Session(self.scene.disk, fate, links=self.links))
        apply_round(context, CHANGES, keep=self.keeping(fate))

    def sweep(self, fate: Fate, tag: str) -> BaseException | None:
        """The next owner's; answers what ended it."""
        context = self.scene.context(Guard(fate), session=Session(self.scene.disk, fate, links=self.links), tag=tag)
        known: dict[str, set[str]] = {path: {*contents, *self.rows(path)} for path, contents in KNOWN.items()}
        return self._ended(fate, lambda: sweep(context, self.scene.temporary(), known, self.keeping(fate)))

    def _ended(self, fate: Fate, work: Callable[[], None]) -> BaseException | None:
        self.store.fate = fate
        try:
            work()
        except (Interrupted, SessionLost, Killed) as error:
            return error
        return None

    def keeping(self, fate: Fate) -> Callable[[Sequence[Overwritten]], None]:
        """Writes rows, which a lost lease keeps from being written, and death from being told of."""

        def keep(edits: Sequence[Overwritten]) -> None:
            if not edits:
                return
            fate.step(LeaseLost)
            self.scene.kept += edits
            fate.step()

        return keep

    def rows(self, path: str) -> list[str]:
        return [edit.content for edit in self.scene.kept if edit.path == path]

    def lost(self) -> Iterator[str]:
        """Whatever is wrong: edits that are neither in their place nor kept once, and files nobody removes."""
        for path, content in self.edits.items():
            inode = self.scene.disk.names.get(f"{ROOT}/{path}")
            there = inode is not None and bytes(inode.data) == content
            if self.rows(path) != ([] if there else [digest(content)]):
                yield f"{path}: in its place: {there}, rows: {self.rows(path)}"
            if not there and not self.store.has(digest(content)):
                yield f"{path} is not in the store"
        yield from self.scene.temporary()


def steps_of(edits_at: str, *, links: bool = True) -> int:
    """How many steps a round has that nothing ends."""
    fate = Fate(10**9, Killed())
    assert Story(links=links).run(fate, edits_at) is None
    return fate.steps


def every_end(way: str, edits_at: str, *, links: bool = True) -> None:
    """End a round at each of its steps, let the next owner come, and look at what is left."""
    for last in range(1, steps_of(edits_at, links=links) + 1):
        story = Story(links=links)
        story.run(Fate(last, WAYS[way]()), edits_at)
        if way in STOPS:
            assert story.scene.temporary() == [], last
        assert story.sweep(Fate(10**9, Killed()), "1.8") is None
        assert list(story.lost()) == [], last


@pytest.mark.parametrize("edits_at", ["staged-verified", "undo-copied"])
@pytest.mark.parametrize("way", WAYS)
def test_a_late_edit_survives_every_end_at_every_step(way: str, edits_at: str) -> None:
    every_end(way, edits_at)


@pytest.mark.parametrize("way", WAYS)
def test_also_where_the_volume_has_no_hard_links(way: str) -> None:
    every_end(way, "staged-verified", links=False)


@pytest.mark.parametrize("way", WAYS)
def test_a_late_edit_survives_the_end_of_the_next_owner_too(way: str) -> None:
    whole = steps_of("staged-verified")
    ends = 0
    for last in range(1, whole):
        story = Story()
        story.run(Fate(whole - whole // 3, Killed()), "staged-verified")
        ended = story.sweep(Fate(last, WAYS[way]()), "1.8")
        ends += ended is not None
        assert story.sweep(Fate(10**9, Killed()), "1.9") is None
        assert list(story.lost()) == [], last
    assert ends > 0
