"""The named faults do what their names say, and nothing else."""

from __future__ import annotations

import pytest

from nodes.errors import ChangedWhileRead, NoSpace, RemoteBusy, RemoteDenied, SessionLost, TimedOut
from nodes.remote.session import Session
from tests.fakes.node import FakeDisk, FakeSession
from tests.faults import (
    ChangesUnderYou,
    Denies,
    DiesAt,
    DropsAfter,
    FullDisk,
    Hangs,
    HeldOpen,
    RefusesRename,
    ShortReads,
)


@pytest.fixture
def disk() -> FakeDisk:
    made = FakeDisk()
    for name in ("a", "b", "t"):
        made.put(f"/d/{name}", name.encode() * 100)
    return made


@pytest.fixture
def inner(disk) -> Session:
    return FakeSession(disk)


def test_drops_after_leaves_what_arrived(inner, disk):
    session = DropsAfter(inner, 150)
    assert len(b"".join(session.read("/d/a", most=1 << 30))) == 100
    with pytest.raises(SessionLost):
        session.write_new("/d/n", [b"x" * 30, b"y" * 30])
    assert disk.content("/d/n") == b"x" * 30
    with pytest.raises(SessionLost):
        session.stat("/d/a")


def test_dies_at_the_second_call(inner, disk):
    session = DiesAt(inner, "remove_many", 2)
    assert session.remove_many(["/d/a"]) == [None]
    with pytest.raises(SessionLost):
        session.remove_many(["/d/b"])
    with pytest.raises(SessionLost):
        session.stat("/d/b")
    assert "/d/b" in disk.names


def test_hangs_in_its_verbs_only(inner):
    session = Hangs(inner, ["list_folder"])
    with pytest.raises(TimedOut):
        session.list_folder("/d")
    assert session.stat("/d/a") is not None


def test_short_reads_keep_the_bytes(inner):
    chunks = list(ShortReads(inner).read("/d/a", most=1 << 30))
    assert (max(map(len, chunks)), b"".join(chunks)) == (7, b"a" * 100)


def test_changes_under_you_once(inner, disk):
    session = ChangesUnderYou(inner, "/d/a", lambda: disk.put("/d/a", b"other"))
    with pytest.raises(ChangedWhileRead):
        list(session.read("/d/a", most=1 << 30))
    assert b"".join(session.read("/d/a", most=1 << 30)) == b"other"


def test_full_disk_leaves_nothing(inner, disk):
    session = FullDisk(inner, room=150)
    with pytest.raises(NoSpace):
        session.write_new("/d/n", [b"x" * 100, b"y" * 100])
    assert "/d/n" not in disk.names
    space = session.free_space("/d")
    assert space is not None
    assert space.free == 50


def test_held_open_keeps_order_and_lets_go(inner, disk):
    session = HeldOpen(inner, ["/d/a"])
    outcomes = session.remove_many(["/d/a", "/d/b"])
    assert [type(outcome) for outcome in outcomes] == [RemoteBusy, type(None)]
    session.paths.clear()
    assert session.replace_many([("/d/t", "/d/a")]) == [None]
    assert disk.content("/d/a") == b"t" * 100


def test_refuses_rename_but_not_removal(inner):
    session = RefusesRename(inner, ["/d/a"])
    assert isinstance(session.replace_many([("/d/t", "/d/a")])[0], RemoteBusy)
    assert session.remove_many(["/d/a"]) == [None]


def test_denies_reading_and_listing(inner):
    session = Denies(inner, ["/d/a", "/d"])
    with pytest.raises(RemoteDenied):
        list(session.read("/d/a", most=1 << 30))
    with pytest.raises(RemoteDenied):
        session.list_folder("/d")
    assert len(b"".join(session.read("/d/b", most=1 << 30))) == 100
