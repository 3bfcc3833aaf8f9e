"""The quick look and the whole one answer the same, whatever happened to primary and node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodes.command import CommandResult
from nodes.connection.connect import NodeLink
from nodes.enums import NodeRole
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.products.loading import load_profile
from nodes.registry.models import Node
from nodes.remote.session import FileKind
from replication.configuration.job import glance, looking
from replication.configuration.job.desired import Decisions
from replication.configuration.job.evidence import proven_files
from replication.configuration.job.glance import SIGHTINGS, remember
from replication.configuration.job.looking import Look, NodeJob, NodeScan, sighting_of
from replication.configuration.job.planning import store_tree
from replication.configuration.job.source import SOURCES, Source
from replication.configuration.models import NodeTree
from replication.files import scan
from replication.files.core.changes import Change
from replication.files.core.manifest import RACY, FileState, Manifest
from replication.files.core.paths import RelPath
from replication.files.core.tree import build
from tests.factories import make_cluster, make_node
from tests.fakes.disk import FakeDisk
from tests.fakes.find import find_records, inside
from tests.fakes.node import FakeSession
from tests.fakes.store import FakeStore
from tests.journeys.ward import FULL
from tests.replication.files.rounds import ROOT, Interrupting

PROFILE = load_profile("mdaemon").with_overrides((("App/**", "config"),))
NS = 1_000_000_000

PATHS = (
    "App/MDaemon.ini",
    "App/one.grp",
    "App/two.dat",
    "App/both.dat",
    "App/both.dat/inside.dat",
    "App/sub/deep.dat",
    "App/sub/other.dat",
    "Logs/today.log",
    "somewhere/unsorted.xyz",
)
CONTENTS = (b"[Domain]\r\nName=one\r\n", b"[Domain]\r\nName=two\r\n", b"no ini \xff at all", b"something else")


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody writes a file on the primary or the node (None: deletes it; "folder", "link": makes one of that name),
    or replication runs and `proves` what came of it; where it was `quick`, it looks at what it wrote alone, of which
    somebody may edit something `late`. `hides`: gives a proven file of the node's other bytes of the same length and
    time."""

    on_node: bool = False
    path: str = ""
    content: bytes | str | None = None
    other_case: bool = False
    proves: bool = False
    quick: bool = False
    late: bool = False
    hides: bool = False


EDITS = st.builds(
    Step,
    st.booleans(),
    st.sampled_from(PATHS),
    st.sampled_from((*CONTENTS, None, None, "folder", "link")),
    st.sampled_from((False, False, False, True)),
)
HIDDEN = st.builds(Step, st.just(True), hides=st.just(True))
PROOFS = st.builds(
    Step,
    path=st.sampled_from(PATHS[:3]),
    content=st.sampled_from(CONTENTS),
    proves=st.just(True),
    quick=st.booleans(),
    late=st.booleans(),
)
STEPS = st.lists(st.one_of(EDITS, EDITS, HIDDEN, PROOFS), min_size=2, max_size=12)


def commands(disk: FakeDisk):
    """A POSIX node's find and hash tools."""

    def answer(line: str, stdin: bytes) -> CommandResult:
        if "find" in line:
            listing = find_records(disk, ROOT)
            if "sha256sum" not in line:
                return CommandResult(0, listing, b"")
            COUNTS["asked"] += 1
            return CommandResult(0, f"{sha256(listing).hexdigest()}  -\n".encode(), b"")
        names = [name[2:].decode() for name in stdin.partition(b"\n")[2].split(b"\0")[:-1]]
        there = inside(disk, ROOT)
        sums = (f"{sha256(there[name].data).hexdigest()}  ./{name}\0".encode() for name in names if name in there)
        return CommandResult(0, b"records\n" + b"".join(sums), b"")

    return answer


@dataclass
class World:
    """A primary's files, a node, and what was proven there."""

    platform: str
    node: Node
    able: bool
    store: Any = field(default_factory=FakeStore)
    files: dict[RelPath, FileState] = field(default_factory=dict)
    tree: NodeTree | None = None
    clock: int = 1_000
    proven: Mapping[RelPath, FileState] = field(default_factory=dict)
    proven_before: Mapping[RelPath, FileState] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.disk = FakeDisk(now_ns=self._now)
        self.disk.put_folder(f"{ROOT}/App")

    def _now(self) -> int:
        self.clock += 10
        return self.clock * NS

    @property
    def source(self) -> Source:
        manifest = Manifest(files=dict(sorted(self.files.items())))
        return SOURCES.keep(Source(build(manifest).root, manifest, PROFILE))

    @property
    def eye(self) -> Look:
        session = FakeSession(self.disk, commands(self.disk) if self.able else None)
        can = Capabilities(can_list=self.able, can_hash=self.able)
        link = NodeLink(session, platform_named(self.platform), ROOT, can, self.node.pk, self.node.name)
        job = NodeJob(self.node, self.tree, Decisions({}, {}))
        guard = Interrupting("", RuntimeError("never"))
        return Look(link, job, self.source, self.store, guard)

    def look(self, *, deep: bool = False) -> NodeScan:
        return self.eye.first(deep=deep)

    def write(self, step: Step) -> None:
        if step.on_node:
            self._write_there(step)
            return
        path = RelPath(step.path)
        if PROFILE.classify(path).path_class != "config":
            return
        for name in [name for name in self.files if name.startswith(f"{path}/") or path.startswith(f"{name}/")]:
            del self.files[name]
        if isinstance(step.content, bytes):
            id_ = self.store.put(step.content)
            self.files[path] = FileState(len(step.content), self._now(), id_, None)
        else:
            self.files.pop(path, None)

    def _write_there(self, step: Step) -> None:
        path = f"{ROOT}/{step.path}"
        if step.hides:
            self._hide_an_edit()
            return
        if step.other_case and self.platform == "windows":
            path = path.replace("one", "ONE").replace("two", "Two")
        fold = str.casefold if self.platform == "windows" else str
        for name in [name for name in self.disk.names if self._makes_room(fold(name), fold(path))]:
            del self.disk.names[name]
        if isinstance(step.content, bytes):
            self.disk.put(path, step.content)
        elif step.content == "folder":
            self.disk.put_folder(path)
        elif step.content:
            self.disk.put_link(path, "/etc")

    def _hide_an_edit(self) -> None:
        for path, state in self.proven.items():
            there = self.disk.names.get(f"{ROOT}/{path}")
            # what a look has read since the proof, the quick one knows, and the whole one reads again
            if there is None or there.kind is not FileKind.FILE or there.mtime_ns != state.mtime_ns:
                continue
            if (state.change_ns is not None) is self.able:
                there.data[:] = bytes(there.data)[::-1]
                return

    def _makes_room(self, name: str, path: str) -> bool:
        above = path.startswith(f"{name}/") and self.disk.names.get(name, None) is not None
        stands = above and any(
            inode.kind is FileKind.FILE
            for other, inode in self.disk.names.items()
            if (other if self.platform == "posix" else other.casefold()) == name
        )
        return name == path or name.startswith(f"{path}/") or stands

    def prove(self) -> None:
        """Carry out what can be, look again, and write down what is proven."""
        SIGHTINGS.forget()
        for change in self.look().changes:
            self._carry_out(change)
        SIGHTINGS.forget()
        seen = self.look()
        self._write_down(seen)

    def prove_quickly(self, *, late: bool) -> None:
        """The same, looking afterwards at what was written alone: that comes to what looking by a listing comes to."""
        seen = self.look()
        if seen.known.within is None or seen.known.before is None:
            self.prove()
            return
        for change in seen.changes:
            self._carry_out(change)
        touched = frozenset(change.path for change in seen.changes)
        if late and (there := [path for path in sorted(touched) if self._is_file(path)]):
            self.disk.put(f"{ROOT}/{there[0]}", CONTENTS[3])
        wanted = {path: FileState(one.size, one.mtime_ns, one.sha256, None) for path, one in seen.desired.files.items()}
        expected = Manifest(files={**seen.known.before.files, **wanted})
        alone, listed = (self.eye.again(one, expected, touched) for one in (seen, replace(seen, sheet=None)))
        COUNTS["alone"] += alone.sheet is seen.sheet and bool(touched)
        assert answers(alone) == answers(_without_change_times(listed))
        assert contents(self._proven_by(alone)) == contents(self._proven_by(listed))
        self._write_down(alone)

    def _proven_by(self, seen: NodeScan) -> dict[RelPath, FileState]:
        part = proven_files(seen, seen.known.before, folds_case=self.platform == "windows")
        within = seen.known.within
        rest = {path: state for path, state in self.proven.items() if path not in within} if within is not None else {}
        return {**rest, **part}

    def _write_down(self, seen: NodeScan) -> None:
        self.proven = self._proven_by(seen)
        self.tree = NodeTree(store_tree(Manifest(files=self.proven), self.store))
        part = proven_files(seen, seen.known.before, folds_case=self.platform == "windows")
        remember(self.node.pk, sighting_of(seen, part, self.tree, self.source))

    def _is_file(self, path: str) -> bool:
        inode = self.disk.names.get(f"{ROOT}/{path}")
        return inode is not None and inode.kind is FileKind.FILE

    def _carry_out(self, change: Change) -> None:
        name = f"{ROOT}/{change.path}"
        above = [other for other in self.disk.names if name.startswith(f"{other}/")]
        blocked = any(self.disk.names[other].kind is FileKind.FILE for other in above if other != "/")
        there = self.disk.names.get(name)
        if blocked or (there is not None and there.kind is FileKind.FOLDER):
            return
        if change.wanted is None:
            self.disk.names.pop(name, None)
        else:
            content = self.store.get(change.wanted.sha256)
            self.disk.put(name, content, mtime_ns=change.wanted.mtime_ns)


def _without_change_times(seen: NodeScan) -> NodeScan:
    """As of files that SFTP told of."""
    found = [replace(one.found, change_ns=None) if one.found else None for one in seen.changes]
    changes = [replace(one, found=known) for one, known in zip(seen.changes, found, strict=True)]
    return replace(seen, changes=tuple(changes))


def contents(files: Mapping[RelPath, FileState]) -> dict[RelPath, tuple[object, ...]]:
    return {path: (state.size, state.mtime_ns, state.sha256, state.stale) for path, state in files.items()}


@dataclass
class HastyWorld(World):
    """One in which whoever looks does so right after files were written, of which few are many."""

    def _now(self) -> int:
        self.clock += 1
        return self.clock * NS

    def rest(self) -> None:
        """Let everything become old."""
        self.clock += 100


def answers(seen: NodeScan) -> tuple[object, ...]:
    return seen.changes, seen.extras, sorted(seen.problems, key=lambda one: (one.path, one.code))


def proven_by(world: World, seen: NodeScan) -> dict[RelPath, FileState]:
    """What the node would be proven to hold, put together from a part and what was proven before."""
    before = seen.known.before
    proven = dict(proven_files(seen, before, folds_case=world.platform == "windows"))
    if seen.known.within is None:
        return proven
    whole = world.proven_before
    return {path: state for path, state in whole.items() if path not in seen.known.within} | proven


COUNTS = {"quick": 0, "whole": 0, "deep": 0, "hidden": 0, "alone": 0, "asked": 0}


def agree(world: World) -> None:
    """Look quickly, then at everything, and compare."""
    quick, deep = world.look(), world.look(deep=True)
    COUNTS["whole" if quick.known.within is None else "quick"] += 1
    COUNTS["deep"] += deep.known.within is not None
    COUNTS["hidden"] += bool(deep.scan.hidden and deep.known.within)
    SIGHTINGS.forget()
    everything = world.look(deep=True)
    SIGHTINGS.forget()
    whole = world.look()
    assert answers(deep) == answers(everything)
    assert deep.scan.read == everything.scan.read
    before = everything.known.before
    # the quick look remembers files that only the node has, too
    assert [path for path in deep.scan.hidden if before and path in before.files] == list(everything.scan.hidden)
    world.proven_before = whole.known.before.files if whole.known.before else {}
    assert answers(quick) == answers(whole)
    assert proven_by(world, quick) == proven_by(world, whole)
    assert proven_by(world, deep) == proven_by(world, everything)
    world.look()  # it saw the same as the one before, so that the next one asks for a digest first


@pytest.mark.django_db
@pytest.mark.parametrize(("platform", "able"), [("posix", True), ("posix", False), ("windows", False)])
def test_the_quick_look_and_the_whole_one_agree(platform: str, able: bool) -> None:
    cluster = make_cluster("glance")
    node = make_node(cluster, "mx1", role=NodeRole.SECONDARY, platform=platform)
    COUNTS.update(dict.fromkeys(COUNTS, 0))

    @settings(
        max_examples=1000 if FULL else 60,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(start=st.lists(EDITS, min_size=2, max_size=12), steps=STEPS)
    def story(start: Sequence[Step], steps: Sequence[Step]) -> None:
        world = World(platform, node, able)
        for step in start:
            world.write(step)
        world.prove()
        for step in steps:
            if step.quick:
                world.write(Step(path=step.path, content=step.content))
                world.prove_quickly(late=step.late)
            elif step.proves:
                world.prove()
            else:
                world.write(step)
                agree(world)

    story()
    assert COUNTS["quick"] > COUNTS["whole"] / 4
    assert COUNTS["deep"] > COUNTS["whole"] / 4
    assert COUNTS["hidden"] and COUNTS["alone"]
    assert COUNTS["asked"] or not able


def settled(files: Mapping[RelPath, FileState]) -> dict[RelPath, FileState]:
    """The same without the change times, which a quick look does not write down anew."""
    return {path: replace(state, change_ns=None) for path, state in files.items()}


def agree_in_haste(world: HastyWorld) -> None:
    """Look quickly, then at everything, and compare; also what is known to be old must be so to both."""
    before = SIGHTINGS.get(world.node.pk)
    quick = world.look()
    sighting = SIGHTINGS.get(world.node.pk)
    SIGHTINGS.forget()
    whole = world.look()
    COUNTS["racy"] += before is not None and before.racy and quick.known.within is not None
    world.proven_before = whole.known.before.files if whole.known.before else {}
    assert answers(quick) == answers(whole)
    mine, others = proven_by(world, quick), proven_by(world, whole)
    assert settled(mine) == settled(others)
    COUNTS["still"] += any(state.change_ns == RACY for state in others.values())
    if sighting is not None and quick.known.within is not None and not sighting.racy:
        young = {path for path, state in whole.scan.manifest.files.items() if state.change_ns == RACY}
        assert young <= sighting.own.keys() | sighting.open


@pytest.mark.django_db
def test_where_files_were_just_written_both_looks_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    node = make_node(make_cluster("glance"), "mx1", role=NodeRole.SECONDARY)
    worlds: list[HastyWorld] = []
    monkeypatch.setattr(looking, "node_clock_ns", lambda _: worlds[-1].clock * NS)
    monkeypatch.setattr(looking, "MOST", 2)
    monkeypatch.setattr(glance, "MOST", 2)
    monkeypatch.setattr(scan, "RACY_WINDOW_NS", 50 * NS)
    COUNTS.update(racy=0, still=0)
    files = [path for path in PATHS if path.startswith("App/") and "both" not in path]

    @settings(max_examples=1000 if FULL else 100, derandomize=True, deadline=None, database=None)
    @given(steps=st.lists(st.one_of(EDITS, HIDDEN, st.none()), max_size=3))
    def story(steps: Sequence[Step | None]) -> None:
        worlds.append(world := HastyWorld("posix", node, able=True))
        for path in files:
            world.write(Step(path=path, content=f"[Domain]\r\nName={path}\r\n".encode()))
        world.prove()
        for step in steps:
            world.write(step) if step else world.rest()
        agree_in_haste(world)

    story()
    assert COUNTS["racy"] > 10
    assert COUNTS["still"] > 10


@pytest.mark.django_db
def test_what_was_just_written_is_hashed_once_more_and_not_looked_at_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    node = make_node(make_cluster("glance"), "mx1", role=NodeRole.SECONDARY)
    world = HastyWorld("posix", node, able=True)
    monkeypatch.setattr(looking, "node_clock_ns", lambda _: world.clock * NS)
    monkeypatch.setattr(glance, "MOST", 2)
    for number in range(8):
        world.write(Step(path=f"App/{number}.dat", content=b"x"))
        if number == 4:
            world.rest()  # what came before is old, and is hashed with the others
    monkeypatch.setattr(scan, "RACY_WINDOW_NS", 50 * NS)
    world.prove()
    world.rest()
    first, second = world.look(), world.look()
    assert (first.known.within, first.scan.read) == (frozenset(), 8)
    assert (second.known.within, second.scan.read) == (frozenset(), 0)

    SIGHTINGS.forget()  # as by another process, to which the proof says that its files were just written
    assert world.look().scan.read == 3
    assert (world.look().known.within, world.look().scan.read) == (frozenset(), 0)


@pytest.mark.django_db
def test_where_the_tree_of_then_is_lost_everything_is_looked_at() -> None:
    node = make_node(make_cluster("glance"), "mx1", role=NodeRole.SECONDARY)
    world = World("posix", node, able=True)
    world.write(Step(path="App/one.grp", content=CONTENTS[0]))
    world.prove()
    world.write(Step(path="App/two.dat", content=CONTENTS[1]))
    SOURCES.forget()
    seen = world.look()
    assert seen.known.within is None
    assert [change.path for change in seen.changes] == ["App/two.dat"]
