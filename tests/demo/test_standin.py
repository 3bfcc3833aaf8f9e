"""The stand-in does to a tree what replication must live with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from demo.standin import Pace, StandIn
from demo.tree import NodeTree, build

QUIET = Pace(poll=0.01, answer=0, counters=0, write_back=0, hold=0, log=0)
SESSION_LINE = re.compile(r"[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}: \d\d: .+")
COMPACT_LINE = re.compile(r"\d{6} \d{9} I \[[0-9A-F]{8}\] 0x4150[0-9A-F]{4} .+")


@pytest.fixture
def root(tmp_path) -> Path:
    root: Path = tmp_path / "MDaemon"
    build(root, NodeTree("mail1.harbour.example", "192.0.2.1", "KEY"))
    return root


@pytest.fixture
def server(root) -> StandIn:
    server = StandIn(root, seed=1, pace=QUIET)
    server.start()
    return server


def test_semaphores_are_taken_whatever_their_case(root, server) -> None:
    for name in ("USERLIST.SEM", "alias.sem"):
        (root / "App" / name).touch()
    assert server.take_semaphores() == ["ALIAS", "USERLIST"]
    assert not list((root / "App").glob("*.[Ss][Ee][Mm]"))


def test_locksems_stops_all(root, server) -> None:
    (root / "App/LOCKSEMS.SEM").touch()
    (root / "App/USERLIST.SEM").touch()
    assert server.take_semaphores() == []
    (root / "App/LOCKSEMS.SEM").unlink()
    assert server.take_semaphores() == ["USERLIST"]


def test_a_lock_file_holds_back_its_semaphore(root, server) -> None:
    (root / "App/EDITUSER.LCK").touch()
    (root / "App/EDITUSER.SEM").write_bytes(b"x")
    assert server.take_semaphores() == []
    assert (root / "App/EDITUSER.SEM").exists()


def test_exitnow_ends_it(root, server) -> None:
    (root / "App/EXITNOW.SEM").touch()
    server.take_semaphores()
    assert not server.running


def test_its_cache_undoes_a_change_until_the_semaphore_is_taken(root, server) -> None:
    users = root / "App/Userlist.dat"
    old = users.read_bytes()
    users.write_bytes(b"new")
    for _ in range(40):
        server.write_back()
    assert users.read_bytes() == old
    users.write_bytes(b"new")
    (root / "App/USERLIST.SEM").touch()
    server.take_semaphores()
    for _ in range(40):
        server.write_back()
    assert users.read_bytes() == b"new"


def test_its_counters_and_held_files_change_no_configuration(root, server) -> None:
    before = {path: path.read_bytes() for path in (root / "App").glob("*.grp")}
    server.write_counters()
    server.hold_or_let_go()
    server.hold_or_let_go()
    assert {path: path.read_bytes() for path in (root / "App").glob("*.grp")} == before
    assert (root / "App/QueueStats.dat").read_bytes().startswith(b"[Counters]\r\n")
    assert not list((root / "App").glob("~*"))


def test_logs_have_both_documented_forms(root) -> None:
    server = StandIn(root, seed=3, pace=Pace(counters=0, write_back=0, hold=0, log=0.000001))
    server.start()
    for _ in range(60):
        server.step()
    (session,) = (root / "Logs").glob("*SMTP-(in).log")
    banner, *rows = session.read_bytes().decode("cp1252").split("\r\n")[:-1]
    assert banner.startswith("START Event Log / MDaemon PRO v26.0.3, SMTP (in)") or "SMTP" in banner
    assert all(SESSION_LINE.fullmatch(row) for row in rows[3:])
    (compact,) = (root / "Logs").glob("DynScrn-*.log")
    assert all(COMPACT_LINE.fullmatch(row) for row in compact.read_text().splitlines() if row)
