"""What a server that answers, and gets nowhere, costs: every verb ends by a limit that its error names."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from nodes.errors import ChangedWhileRead, LimitBroken, OutputUnreadable, TimedOut
from nodes.remote.limits import Limits
from nodes.remote.ssh import SshSession
from nodes.remote.walk import walk
from tests.deadlines import PATIENCE
from tests.hostile.server import HostileServer, Misdeed

Open = Callable[..., SshSession]
MIB = 1024 * 1024
CONTENT = b"0123456789abcdef" * 50_000

TIGHT = Limits(names=2_000, listing_bytes=MIB, listing_seconds=PATIENCE, slowest=1000.0, behind=1.0)
PAUSE = 0.1
"""Seconds before each step of a server that drips: soon behind, and yet never silent."""


@pytest.fixture
def opened(hostile: HostileServer, session: Open, folder: Path) -> SshSession:
    """A session that stood before the server turned."""
    (folder / "a").write_bytes(CONTENT)
    made = session(hostile.server.target(), limits=TIGHT)
    assert made.stat(str(folder)) is not None
    return made


LISTING = {
    Misdeed.NO_NAMES: "without an end and without a name",
    Misdeed.ENDLESS_NAMES: "more than 2,000 names",
    Misdeed.LONG_NAMES: "a name of 2000",
}


@pytest.mark.parametrize("misdeed", LISTING)
def test_a_folder_without_an_end_is_left(
    hostile: HostileServer, opened: SshSession, folder: Path, misdeed: Misdeed
) -> None:
    told: list[int] = []
    with hostile.turned(misdeed), pytest.raises(LimitBroken, match=LISTING[misdeed]):
        walk(opened, str(folder), limits=TIGHT, progress=told.append)
    assert bool(told) == (misdeed == Misdeed.ENDLESS_NAMES)
    assert len(told) <= TIGHT.names / 100


def test_a_tree_has_its_time_however_fast_each_answer_comes(
    hostile: HostileServer, opened: SshSession, folder: Path
) -> None:
    hurried = Limits(listing_seconds=0.2)
    with hostile.turned(Misdeed.SLOW_NAMES, pause=0.01), pytest.raises(LimitBroken, match=r"longer than 0\.2 s"):
        opened._limits = hurried
        walk(opened, str(folder), limits=hurried)


def test_a_file_that_drips_is_left(hostile: HostileServer, opened: SshSession, folder: Path) -> None:
    got = 0
    with hostile.turned(Misdeed.DRIP, pause=PAUSE), pytest.raises(LimitBroken, match="less than 1000 bytes a second"):
        for chunk in opened.read(f"{folder}/a", most=1 << 30):
            got += len(chunk)
    assert 0 < got < 20
    assert not opened.usable


@pytest.mark.parametrize("misdeed", [Misdeed.HANG, Misdeed.HANG_IN_TRANSFER])
def test_a_file_service_that_hangs_is_left(
    hostile: HostileServer, session: Open, folder: Path, misdeed: Misdeed
) -> None:
    (folder / "a").write_bytes(CONTENT)
    opened = session(hostile.server.target(), patience=PATIENCE)
    assert opened.stat(str(folder)) is not None
    opened._sftp._patience = 0.3
    with hostile.turned(misdeed), pytest.raises(TimedOut):
        list(opened.read(f"{folder}/a", most=1 << 30))
    assert not opened.usable


def test_a_packet_that_says_it_has_four_gigabytes_is_not_read(
    hostile: HostileServer, opened: SshSession, folder: Path
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with hostile.turned(Misdeed.HUGE_PACKET), pytest.raises(OutputUnreadable):
        list(opened.read(f"{folder}/a", most=1 << 30))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@pytest.mark.parametrize("misdeed", [Misdeed.SMALL_SAID, Misdeed.LARGE_SAID])
def test_a_file_of_another_size_than_was_said_counts_as_changed(
    hostile: HostileServer, opened: SshSession, folder: Path, misdeed: Misdeed
) -> None:
    got = 0
    with hostile.turned(misdeed), pytest.raises(ChangedWhileRead):
        for chunk in opened.read(f"{folder}/a", most=1 << 30):
            got += len(chunk)
    assert got <= len(CONTENT)


def test_answers_that_nobody_asked_for_keep_nobody_waiting(hostile: HostileServer, opened: SshSession) -> None:
    with hostile.turned(Misdeed.UNASKED, pause=PAUSE), pytest.raises(OutputUnreadable, match="nobody asked"):
        opened.stat("/")
    assert not opened.usable


def test_answers_that_nobody_waits_for_any_more_are_none_of_these(opened: SshSession, folder: Path) -> None:
    for _ in range(20):
        reading = opened.read(f"{folder}/a", most=1 << 30)
        next(reading)
        reading.close()  # type: ignore[attr-defined]  # a generator
        assert opened.stat(f"{folder}/a") is not None


def test_a_command_that_floods_is_left_without_being_kept(hostile: HostileServer, opened: SshSession) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with hostile.turned(Misdeed.FLOOD), pytest.raises(LimitBroken, match="more than 1 MiB"):
        opened.run("true", timeout=PATIENCE, max_output=MIB)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@pytest.mark.parametrize("misdeed", [Misdeed.HANG, Misdeed.DRIP])
def test_a_command_that_gets_nowhere_is_left(hostile: HostileServer, opened: SshSession, misdeed: Misdeed) -> None:
    with hostile.turned(misdeed, pause=PAUSE), pytest.raises(TimedOut):
        opened.run("true", timeout=0.5)


def test_an_input_that_is_not_taken_is_not_offered_for_long(hostile: HostileServer, opened: SshSession) -> None:
    with hostile.turned(Misdeed.HANG), pytest.raises(LimitBroken, match="behind"):
        opened.run("cat", stdin=[b"x" * MIB] * 8, timeout=PATIENCE)
