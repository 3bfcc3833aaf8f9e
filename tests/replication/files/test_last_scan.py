"""A scan that goes by the last one answers what a scan of everything does, whatever happened to the primary."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodes.command import CommandResult
from nodes.connection.connect import NodeLink
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities, Listing
from nodes.products import profile
from nodes.products.loading import load_profile
from nodes.remote.session import FileKind
from replication.files import last_scan, scan
from replication.files.apply import names
from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath
from replication.files.listing import Sorted, sort_out
from replication.files.scan import Scan, ScanOptions, scan_primary
from tests.fakes.disk import FakeDisk
from tests.fakes.find import find_records
from tests.fakes.node import FakeSession
from tests.fakes.store import FakeStore
from tests.journeys.ward import FULL
from tests.replication.files.test_scan import Patient

NS = 10**9
ROOT = "/srv/mail"
PROFILE = dataclasses.replace(
    load_profile("mdaemon").with_overrides((("App/**", "config"),)), stable_seconds=0.0, file_mb=1
)
PATHS = (
    "App/one.grp",
    "App/two.dat",
    "App/both.dat",
    "App/both.dat/inside.dat",
    "App/sub/deep.dat",
    "Logs/today.log",
    "somewhere/unsorted.xyz",
    names.undo_beside("1.1", "App/one.grp"),
)
CONTENTS = (b"one", b"two", b"no \xff text", b"some more", b"too large, by far too large", b"")


@dataclass(frozen=True, slots=True)
class Edit:
    """Somebody writes a file (None: deletes it; "folder", "link": makes one of that name). `hides`: gives it other
    bytes of the same length and time."""

    path: str
    content: bytes | str | None = None
    hides: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """The primary is scanned, `racy` so soon that a later change could hide; meanwhile somebody makes `meddling`
    edits. `unstable`: files that are passed over, and others that do not hold still left as they were."""

    meddling: Sequence[Edit] = ()
    racy: bool = False
    unstable: frozenset[str] | None = None
    deep: bool = False


EDITS = st.builds(
    Edit,
    st.sampled_from(PATHS),
    st.sampled_from((*CONTENTS, *CONTENTS, None, None, None, "folder", "link")),
    st.sampled_from((False, False, False, True)),
)
LOOKS = st.builds(
    Look,
    st.lists(EDITS, max_size=2),
    st.booleans(),
    st.one_of(st.none(), st.frozensets(st.sampled_from(PATHS[:5]), max_size=2)),
    st.sampled_from((False, False, False, True)),
)
STORIES = st.lists(st.one_of(EDITS, LOOKS), min_size=4, max_size=20)


def find(disk: FakeDisk):
    """A POSIX node's listing command."""

    def answer(line: str, stdin: bytes) -> CommandResult:
        assert "find" in line
        return CommandResult(0, find_records(disk, ROOT), b"")

    return answer


class Meddled(FakeSession):
    """Somebody edits files when one is read; one edit a reading."""

    def __init__(self, world: World, disk: FakeDisk, edits: Sequence[Edit]) -> None:
        super().__init__(disk, find(disk) if world.able else None)
        self.world, self.edits = world, list(edits)

    def read(self, path: str, **_: object) -> Iterator[bytes]:
        if self.edits:
            self.world.edit(self.disk, self.edits.pop(0))
        return super().read(path, most=1 << 30)


@dataclass
class World:
    """A primary, and what its last scan left behind."""

    able: bool
    store: FakeStore = field(default_factory=FakeStore)
    known: Manifest = field(default_factory=Manifest)
    last: last_scan.LastScan | None = None
    clock: int = 1_000

    def __post_init__(self) -> None:
        self.disk = FakeDisk(now_ns=self._now)
        self.disk.put_folder(f"{ROOT}/App")

    def _now(self) -> int:
        self.clock += 10
        return self.clock * NS

    def edit(self, disk: FakeDisk, edit: Edit) -> None:
        path = f"{ROOT}/{edit.path}"
        there = disk.names.get(path)
        if edit.hides:
            if there is not None and there.kind is FileKind.FILE:
                there.data[:] = bytes(there.data)[::-1]
            return
        for name in [name for name in disk.names if name == path or name.startswith(f"{path}/")]:
            del disk.names[name]
        above = [name for name, inode in disk.names.items() if path.startswith(f"{name}/") and inode.data]
        for name in above:
            del disk.names[name]
        if isinstance(edit.content, bytes):
            disk.put(path, edit.content)
        elif edit.content == "folder":
            disk.put_folder(path)
        elif edit.content:
            disk.put_link(path, "/etc")

    def scanned(self, look: Look, last: last_scan.LastScan | None) -> tuple[Scan, FakeDisk]:
        disk = FakeDisk(now_ns=self._now)
        disk.names = copy.deepcopy(self.disk.names)
        can = Capabilities(can_list=self.able)
        link = NodeLink(Meddled(self, disk, look.meddling), platform_named("posix"), ROOT, can, 1, "mx1")
        moment = self.clock * NS + (NS if look.racy else 60 * NS)
        found = scan_primary(
            link,
            PROFILE,
            known=self.known,
            scan_ns=moment,
            store=self.store,
            guard=Patient(),
            options=ScanOptions(look.unstable, look.deep, last),
        )
        return found, disk

    def look(self, look: Look) -> bool:
        """Scan by the last scan, and everything, and compare. Answers whether the last one was of use."""
        clock = self.clock
        whole, _ = self.scanned(look, None)
        self.clock = clock
        found, disk = self.scanned(look, self.last)
        assert answers(found) == answers(whole)
        part = self.last.part(self.known, found.last.sheet, PROFILE) if self.last and found.last else None
        if found.last is not None and whole.last is not None:
            assert found.last.open == whole.last.open
        self.disk.names = disk.names
        self.known, self.last = found.manifest, found.last
        return part is not None and not look.deep


def answers(found: Scan) -> tuple[object, ...]:
    problems = sorted((one.path, one.code) for one in found.manifest.problems)
    manifest = found.manifest
    return manifest.files, problems, manifest.unlisted, manifest.unclassified, found.read, found.unstable, found.hidden


@pytest.mark.parametrize("able", [True, False])
def test_it_answers_what_a_scan_of_everything_does(able: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "MEGABYTE", 20)
    monkeypatch.setattr(scan, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(scan, "WHOLE_SECOND", 0.0)
    used = []

    @settings(
        max_examples=2000 if FULL else 150,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(STORIES)
    def story(steps: Sequence[Edit | Look]) -> None:
        world = World(able)
        for step in steps:
            if isinstance(step, Edit):
                world.edit(world.disk, step)
            else:
                used.append(world.look(step))

    story()
    assert sum(used) > len(used) / 8


def test_where_little_moved_little_is_read_of_the_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(able=True)
    for number in range(50):
        world.edit(world.disk, Edit(f"App/{number}.dat", b"one"))
    world.look(Look())
    sorted_out: list[int] = []

    def counting(found: Listing, ruling: Any) -> Sorted:
        sorted_out.append(len(found.files))
        return sort_out(found, ruling)

    monkeypatch.setattr(scan, "sort_out", counting)
    monkeypatch.setattr(last_scan, "sort_out", counting)
    world.edit(world.disk, Edit("App/1.dat", b"two"))
    found, _ = world.scanned(Look(), world.last)
    assert found.read == 1
    assert found.manifest.files[RelPath("App/1.dat")] != world.known.files[RelPath("App/1.dat")]
    assert sorted_out == [1, 1]
