"""The tree listing over SFTP alone."""

from __future__ import annotations

import os

import pytest

from nodes.errors import RemoteDenied, RemoteFileMissing
from nodes.remote.walk import walk
from tests.fakes.node import FakeDisk, FakeSession
from tests.faults import Denies


@pytest.fixture
def disk() -> FakeDisk:
    made = FakeDisk()
    for name in ("top", "App/MDaemon.ini", "App/lists/a b", "Queues/inbound/1.msg", "Logs/x.log"):
        made.put(f"/srv/md/{name}", name.encode(), mtime_ns=5 * 10**9)
    made.put_link("/srv/md/App/link", "/srv/md")
    return made


def _paths(listing) -> list[tuple[str, str]]:
    return sorted((entry.path, entry.kind) for entry in listing.files)


def test_walk_names_every_entry_with_its_kind(disk):
    listing = walk(FakeSession(disk), "/srv/md")
    assert _paths(listing) == [
        ("App", "folder"),
        ("App/MDaemon.ini", "file"),
        ("App/link", "link"),
        ("App/lists", "folder"),
        ("App/lists/a b", "file"),
        ("Logs", "folder"),
        ("Logs/x.log", "file"),
        ("Queues", "folder"),
        ("Queues/inbound", "folder"),
        ("Queues/inbound/1.msg", "file"),
        ("top", "file"),
    ]
    assert listing.unreadable == ()
    (ini,) = (entry for entry in listing.files if entry.path == "App/MDaemon.ini")
    assert (ini.size, ini.mtime_ns) == (15, 5 * 10**9)


def test_walk_names_skipped_folders_and_does_not_list_them(disk):
    listing = walk(FakeSession(disk), "/srv/md/", skip=["Queues", "App/lists"])
    assert ("Queues", "folder") in _paths(listing)
    assert [path for path, _ in _paths(listing) if path.startswith(("Queues/", "App/lists/"))] == []


@pytest.mark.parametrize(("folds_case", "skipped"), [(True, True), (False, False)])
def test_walk_skips_by_the_nodes_own_idea_of_case(disk, folds_case, skipped):
    listing = walk(FakeSession(disk), "/srv/md", skip=["QUEUES"], folds_case=folds_case)
    assert (("Queues/inbound", "folder") not in _paths(listing)) is skipped


def test_walk_tells_what_it_could_not_list(disk):
    listing = walk(Denies(FakeSession(disk), ["/srv/md/App/lists"]), "/srv/md")
    assert listing.unreadable == ("App/lists",)
    assert ("Logs/x.log", "file") in _paths(listing)


def test_walk_tells_what_went_away_since_it_was_named(disk):
    class Removing(FakeSession):
        def list_folder(self, path, **options):
            if path.endswith("/lists"):
                raise RemoteFileMissing(path)
            return super().list_folder(path, **options)

    listing = walk(Removing(disk), "/srv/md")
    assert (listing.vanished, listing.unreadable) == (("App/lists",), ())


def test_walk_tells_folders_and_files_whose_names_are_no_utf8(disk):
    disk.put("/srv/md/" + os.fsdecode(b"caf\xe9/inner"), b"")
    disk.put("/srv/md/" + os.fsdecode(b"n\xff"), b"")
    listing = walk(FakeSession(disk), "/srv/md")
    assert listing.unreadable == ("caf\\xe9",)
    raw = {entry.path: entry.path_bytes for entry in listing.files if entry.path_bytes}
    assert raw == {"caf\\xe9": b"caf\xe9", "n\\xff": b"n\xff"}


def test_walk_without_a_root_says_so(disk):
    with pytest.raises(RemoteFileMissing):
        walk(FakeSession(disk), "/srv/other")
    with pytest.raises(RemoteDenied):
        walk(Denies(FakeSession(disk), ["/srv/md"]), "/srv/md")


def test_walk_on_a_real_server(sshd, session, folder):
    for number in range(300):
        (folder / f"d{number % 30}").mkdir(exist_ok=True)
        (folder / f"d{number % 30}" / f"f{number}").write_text("x")
    (folder / "loop").symlink_to(folder)
    listing = walk(session(sshd(sftp_only=True).target()), str(folder))
    expected = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    assert {entry.path for entry in listing.files} == expected
    assert ("loop", "link") in _paths(listing)
