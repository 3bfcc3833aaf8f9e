"""What a scan says of files behind links, and of files that change between the listing and the reading."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from nodes.command import CommandResult
from nodes.connection.connect import NodeLink
from nodes.errors import RemoteFileMissing
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities, ListedFile, Listing
from nodes.products.loading import load_profile
from nodes.products.profile import PathClass, Profile
from nodes.remote.handshake import open_transport
from nodes.remote.session import RemoteEntry, Session
from nodes.remote.ssh import SshSession
from replication.files import scan
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath, folders_above
from replication.files.listing import entry_problem, list_tree, sort_out
from replication.files.scan import Scan, ScanOptions, scan_node, scan_primary
from replication.objects import default_store
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.faults import Through
from tests.sshd import SshdServer
from tests.tools import tool

ROOT = "/srv/mail"
LONG_AGO = 1_600_000_000 * 10**9
NOW = LONG_AGO + 3600 * 10**9
A, B = RelPath("Conf/a/one.dat"), RelPath("Conf/b/two.dat")


class Patient:
    """A guard that lets everything go on."""

    def check(self) -> None: ...

    def progress(self, **_: object) -> None: ...

    def event(self, *_: object) -> None: ...

    def boundary(self, name: str) -> None: ...


class Meddled(FakeSession):
    """Somebody writes to a file just before it is read, as often as `times`."""

    times = 0

    def read(self, path: str, **_: object) -> Iterator[bytes]:
        if path.endswith("one.dat") and self.times:
            self.times -= 1
            self.disk.put(path, self.disk.content(path) + b"+", mtime_ns=LONG_AGO + (9 - self.times) * 10**9)
        return super().read(path, most=1 << 30)


@pytest.fixture
def profile() -> Profile:
    made = load_profile("mdaemon").with_overrides([("Conf/*/*.dat", PathClass.CONFIG)])
    return dataclasses.replace(made, stable_seconds=0.0)


@pytest.fixture
def disk() -> FakeDisk:
    disk = FakeDisk()
    for path in (A, B):
        disk.put(f"{ROOT}/{path}", b"content", mtime_ns=LONG_AGO)
    return disk


def link_to(session: FakeSession) -> NodeLink:
    return NodeLink(session, platform_named("posix"), ROOT, Capabilities(), 1, "mx1")


def scanned(session: FakeSession, profile: Profile, known: Manifest | None = None) -> Scan:
    known, guard = known or Manifest(), Patient()
    return scan_primary(link_to(session), profile, known=known, scan_ns=NOW, store=default_store(), guard=guard)


def test_known_files_behind_a_link_are_carried_over_and_told(disk: FakeDisk, profile: Profile) -> None:
    known = Manifest({A: FileState(7, LONG_AGO, "0" * 64), B: FileState(7, LONG_AGO, "1" * 64)})
    session = FakeSession(disk)
    session.remove_many([f"{ROOT}/{A}"])
    session.remove_folder(f"{ROOT}/Conf/a")
    disk.put_link(f"{ROOT}/Conf/a", "/elsewhere")

    found = scan_node(link_to(session), profile, known=known, scan_ns=NOW, guard=Patient()).manifest

    assert found.files[A].stale
    assert not found.files[B].stale
    assert "Conf/a" in found.unlisted
    assert [(one.path, one.code) for one in found.problems] == [("Conf/a", "not_a_file")]


def test_a_link_with_nothing_known_behind_it_is_no_problem(disk: FakeDisk, profile: Profile) -> None:
    disk.put_link(f"{ROOT}/Conf/c", "/elsewhere")

    found = scan_node(link_to(FakeSession(disk)), profile, known=Manifest(), scan_ns=NOW, guard=Patient()).manifest

    assert found.problems == ()
    assert found.unlisted == ("Conf/c",)


@pytest.mark.django_db
def test_what_changed_after_the_listing_is_read_again(disk: FakeDisk, profile: Profile) -> None:
    session = Meddled(disk)
    session.times = 1

    found = scanned(session, profile).manifest

    assert (found.files[A].size, found.files[A].mtime_ns) == (8, LONG_AGO + 9 * 10**9)
    assert found.problems == ()


@pytest.mark.django_db
def test_a_known_file_whose_content_the_store_lost_is_read_again(disk: FakeDisk, profile: Profile) -> None:
    known = scanned(FakeSession(disk), profile).manifest
    assert scanned(FakeSession(disk), profile, known).read == 0
    default_store().purge([known.files[A].sha256])
    assert scanned(FakeSession(disk), profile, known).read == 0  # it was there a moment ago
    default_store.cache_clear()

    again = scanned(FakeSession(disk), profile, known)

    assert again.manifest == known
    assert default_store().get(known.files[A].sha256) == b"content"


@pytest.mark.django_db
def test_what_never_holds_still_keeps_its_last_known_state(disk: FakeDisk, profile: Profile, monkeypatch) -> None:
    monkeypatch.setattr(scan, "LOOK_SECONDS", 0.0)
    session = Meddled(disk)
    session.times = 9
    before = FileState(5, LONG_AGO - 1, "2" * 64)

    found = scanned(session, profile, Manifest({A: before})).manifest

    assert found.files[A] == dataclasses.replace(before, stale=True)
    assert [(one.path, one.code) for one in found.problems] == [(A, "changing")]
    assert not found.files[B].stale


class Vanishing(Through):
    """Somebody removes a file in the moment in which it shall be read."""

    def __init__(self, inner: Session, path: Path) -> None:
        super().__init__(inner)
        self._path = path

    def before(self, verb: str) -> None:
        if verb == "read":
            self._path.unlink(missing_ok=True)


@pytest.mark.django_db
def test_a_file_that_vanishes_before_it_is_read_is_named_and_the_rest_goes_on(profile: Profile, tmp_path: Path) -> None:
    root = tmp_path / "mail"
    for path in (A, B):
        (root / path).parent.mkdir(parents=True)
        (root / path).write_bytes(b"content")
    server = SshdServer.start(tmp_path / "sshd")
    try:
        session = Vanishing(SshSession(open_transport(server.target())), root / A)
        link = NodeLink(session, platform_named("posix"), str(root), Capabilities(), 1, "mx1")
        found = scan_primary(
            link, profile, known=Manifest(), scan_ns=NOW, store=default_store(), guard=Patient()
        ).manifest
    finally:
        server.stop()

    assert list(found.files) == [B]
    assert [(one.path, one.code) for one in found.problems] == [(A, "vanished")]


class ComingAndGoing(FakeSession):
    """The folder of one file goes away between its parent's listing and its own, as often as `times`."""

    times = 0
    seen = 0

    def list_folder(self, path: str, **options: Any) -> Sequence[RemoteEntry]:
        if path.endswith("/Conf/a"):
            self.seen += 1
            if self.times:
                self.times -= 1
                raise RemoteFileMissing(path)
        return super().list_folder(path, **options)


def test_what_goes_away_in_the_middle_of_a_listing_is_looked_for_again(disk: FakeDisk, profile: Profile) -> None:
    session = ComingAndGoing(disk)
    session.times = 2

    found = scan_node(link_to(session), profile, known=Manifest(), scan_ns=NOW, guard=Patient()).manifest

    assert sorted(found.files) == [A, B]
    assert (found.problems, found.unlisted, session.seen) == ((), (), 3)


def test_what_keeps_going_away_is_neither_there_nor_gone(disk: FakeDisk, profile: Profile) -> None:
    session = ComingAndGoing(disk)
    session.times = 9
    known = Manifest({A: FileState(7, LONG_AGO, "0" * 64), B: FileState(7, LONG_AGO, "1" * 64)})

    found = scan_node(link_to(session), profile, known=known, scan_ns=NOW, guard=Patient()).manifest

    assert found.files[A].stale
    assert not found.files[B].stale
    assert [(one.path, one.code) for one in found.problems] == [("Conf/a", "vanished")]


class Listed(Through):
    """A real server's answers to listings, with complaints of its find mixed in."""

    complaints: tuple[bytes, ...] = ()
    asked = 0

    def run(self, command_line: str, **options: Any) -> CommandResult:
        result = super().run(command_line, **options)
        complaint, self.complaints, self.asked = self.complaints[:1], self.complaints[1:], self.asked + 1
        return CommandResult(1, result.stdout, complaint[0]) if complaint else result


@pytest.mark.parametrize(
    ("name", "listings"),
    [("Conf/a/rates.tmp", 1), ("Conf/a/three.dat", 2)],
)
def test_a_temporary_file_that_went_away_hides_nothing(
    name: str, listings: int, profile: Profile, tmp_path: Path
) -> None:
    """A mail server's own temporary files come and go in the folder of its configuration."""
    root = tmp_path / "mail"
    (root / A).parent.mkdir(parents=True)
    (root / A).write_bytes(b"content")
    server = SshdServer.start(tmp_path / "sshd")
    try:
        session = Listed(SshSession(open_transport(server.target())))
        gone = subprocess.run(
            [tool("find"), f"./{name}"], cwd=root, env={"LC_ALL": "C"}, capture_output=True, check=False
        )
        session.complaints = (gone.stderr.replace(os.fsencode(tool("find")), b"find"),)
        link = NodeLink(session, platform_named("posix"), str(root), Capabilities(can_list=True), 1, "mx1")
        listing = list_tree(link, profile, Patient())
    finally:
        server.stop()

    assert session.asked == listings
    found = sort_out(listing, profile)
    assert list(found.config) == [A]
    assert found.problems == ()


@pytest.fixture
def everything() -> Profile:
    """For it, whatever no rule forbids is configuration."""
    return load_profile("mdaemon").with_overrides([("**", PathClass.CONFIG)])


OURS = [
    ".cp~12.3d",
    ".cp~12.3d/0",
    ".cp~12.3d/sub/c17",
    "Conf/.cp~12.3s1f",
    "Conf/.cp~12.3u0123456789abcdef",
    ".cp~selftest-0123abcda",
    "Users/.cp~share-1.22.3a",
    "Users/.cp~share-1.22.3p-b",
]
OTHERS = [
    "Users/.cp~share-1.22.3",
    "Users/.cp~share-1.22.3d",
    "Users/.cp~share-1.22.3a-b",
    "Conf/.cp~notes.dat",
    "Conf/list.cp~1.2s0",
    "Conf/.cp~12.3s1f.dat",
    "Conf/.cp~12.3u0123",
    "Conf/.cp~12.3x",
    "Conf/.cp~12s0",
    "Conf/.cp~12.3d",
    "Conf/.cp~12.3s0/inside.dat",
    "Conf/.cp~folder/x.dat",
    "Conf/.CP~12.3s0",
]


@pytest.mark.parametrize("name", OURS)
def test_the_portals_own_temporary_names_are_no_configuration(name: str, everything: Profile) -> None:
    folders = folders_above(name) + ([name] if name == ".cp~12.3d" else [])
    entries = [ListedFile(folder, "folder", 0, 0) for folder in folders]
    if name not in folders:
        entries.append(ListedFile(name, "file", 1, 0))
    found = sort_out(Listing(tuple(entries)), everything)
    assert (found.config, found.unclassified, found.problems) == ({}, (), ())
    assert not any(".cp~" in folder for folder in found.folders)


@pytest.mark.parametrize("name", OTHERS)
def test_a_name_that_only_looks_like_the_portals_is_configuration(name: str, everything: Profile) -> None:
    entries = [ListedFile(folder, "folder", 0, 0) for folder in folders_above(name)]
    found = sort_out(Listing((*entries, ListedFile(name, "file", 1, 0))), everything)
    assert list(found.config) == [name]
    assert found.leftovers == ()
    assert set(found.folders) == {file.path for file in entries}


class Hashing:
    """A node's command for hashes, and which files it was asked for."""

    def __init__(self, disk: FakeDisk) -> None:
        self._disk = disk
        self.asked: list[str] = []

    def __call__(self, _line: str, stdin: bytes) -> CommandResult:
        names = [os.fsdecode(name).removeprefix("./") for name in stdin.partition(b"\n")[2].split(b"\0")[:-1]]
        self.asked += names
        sums = [hashlib.sha256(self._disk.content(f"{ROOT}/{name}")).hexdigest() for name in names]
        answer = "".join(f"{digest} *./{name}\n" for digest, name in zip(sums, names, strict=True))
        return CommandResult(0, b"lines\n" + answer.encode(), b"")


class Reading(FakeSession):
    """Which files were read over the wire."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.reads: list[str] = []

    def read(self, path: str, **options: Any) -> Iterator[bytes]:
        self.reads.append(path.removeprefix(f"{ROOT}/"))
        return super().read(path, **options)


def edit_in_hiding(disk: FakeDisk) -> str:
    """Give a file other bytes of the same length and time; SFTP tells no change time. Answers their hash."""
    disk.put(f"{ROOT}/{A}", b"CONTENT", mtime_ns=LONG_AGO)
    return hashlib.sha256(b"CONTENT").hexdigest()


def test_an_edit_that_hides_behind_its_times_is_found_by_hashing_every_file(disk: FakeDisk, profile: Profile) -> None:
    link = link_to(FakeSession(disk))

    def look(known: Manifest, *, deep: bool = False) -> Scan:
        return scan_node(link, profile, known=known, scan_ns=NOW, guard=Patient(), deep=deep)

    known = look(Manifest()).manifest
    hidden = edit_in_hiding(disk)

    assert (look(known).manifest, look(known).read) == (known, 0)
    found = look(known, deep=True)
    assert {path: state.sha256 == hidden for path, state in found.manifest.files.items()} == {A: True, B: False}
    assert found.manifest.files[B] == known.files[B]
    assert found.read == 2


@pytest.mark.django_db
@pytest.mark.parametrize("can_hash", [True, False])
def test_of_the_primary_only_what_differs_is_read_into_the_store(
    can_hash: bool, disk: FakeDisk, profile: Profile
) -> None:
    known = scanned(FakeSession(disk), profile).manifest
    hidden = edit_in_hiding(disk)
    hashing = Hashing(disk)
    session = Reading(disk, hashing)
    link = NodeLink(session, platform_named("posix"), ROOT, Capabilities(can_hash=can_hash), 1, "mx1")

    def scan(*, deep: bool) -> Scan:
        options = ScanOptions(deep=deep)
        return scan_primary(
            link, profile, known=known, scan_ns=NOW, store=default_store(), guard=Patient(), options=options
        )

    assert (scan(deep=False).manifest, session.reads, hashing.asked) == (known, [], [])
    found = scan(deep=True)
    assert found.manifest.files[A].sha256 == hidden
    assert default_store().get(hidden) == b"CONTENT"
    assert found.manifest.files[B] == known.files[B]
    assert found.read == 2
    assert (session.reads, hashing.asked) == (([A], [A, B]) if can_hash else ([A, B, A], []))


@pytest.mark.django_db
def test_a_file_that_keeps_changing_is_not_hashed_anew_either(disk: FakeDisk, profile: Profile) -> None:
    known = scanned(FakeSession(disk), profile).manifest
    edit_in_hiding(disk)

    found = scan_primary(
        link_to(FakeSession(disk)),
        profile,
        known=known,
        scan_ns=NOW,
        store=default_store(),
        guard=Patient(),
        options=ScanOptions([A], deep=True),
    )

    assert (found.manifest.files, found.unstable, found.read) == (known.files, (A,), 1)


@pytest.mark.parametrize(("kind", "found"), [("link", "a link"), ("other", "a device, a pipe or a socket")])
def test_what_is_no_file_is_told_with_its_remedy(kind: str, found: str, everything: Profile) -> None:
    problem = entry_problem(ListedFile("App/a.dat", kind, 0, 0), everything)
    assert problem is not None
    assert problem.words == f"not a file: {found} is never followed or replaced; remove it, or put a file there"
