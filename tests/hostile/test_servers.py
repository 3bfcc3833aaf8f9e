"""Hostile servers serve like any other until they turn, and again once they turned back."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from nodes.errors import OutputUnreadable
from nodes.remote.ssh import SshSession
from tests.deadlines import PATIENCE
from tests.hostile.server import HostileServer, Misdeed

Open = Callable[..., SshSession]


def test_until_it_turns_it_is_a_server_like_any_other(hostile: HostileServer, session: Open, folder: Path) -> None:
    opened = session(hostile.server.target())
    content = b"0123456789abcdef" * 50_000
    (folder / "a").write_bytes(content)
    assert b"".join(opened.read(f"{folder}/a", most=1 << 30)) == content
    assert opened.run("cat; echo on", stdin=b"in ", timeout=PATIENCE).stdout == b"in on\n"
    assert opened.write_new(f"{folder}/b", [content]).size == len(content)
    assert opened.replace_many([(f"{folder}/b", f"{folder}/c")]) == [None]
    assert sorted(entry.name for entry in opened.list_folder(str(folder))) == ["a", "c"]


def test_a_server_of_files_alone_runs_no_commands(tmp_path: Path, session: Open) -> None:
    server = HostileServer(tmp_path / "sshd", only_files=True)
    try:
        opened = session(server.server.target())
        assert opened.stat("/") is not None
        assert not opened.run("echo on", timeout=PATIENCE).ok
    finally:
        server.stop()


def test_it_turns_in_mid_session_and_back(hostile: HostileServer, session: Open, folder: Path) -> None:
    (folder / "a").write_bytes(b"0123456789abcdef" * 50_000)
    opened = session(hostile.server.target(), patience=PATIENCE)
    reading = opened.read(f"{folder}/a", most=1 << 30)
    next(reading)
    with hostile.turned(Misdeed.HUGE_PACKET), pytest.raises(OutputUnreadable):
        list(itertools.chain(reading, opened.read(f"{folder}/a", most=1 << 30)))
    assert session(hostile.server.target()).stat(f"{folder}/a") is not None
