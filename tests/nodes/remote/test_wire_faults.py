"""What goes wrong on a connection that stood: drops, hangs, full disks, servers that refuse or lie."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from paramiko.common import MSG_CHANNEL_CLOSE, MSG_CHANNEL_EOF

from nodes.errors import (
    ChangedWhileRead,
    NodeError,
    NoSpace,
    OutputUnreadable,
    RemoteBusy,
    RemoteDenied,
    SessionLost,
    TimedOut,
    Unsupported,
)
from nodes.remote import wire
from nodes.remote.handshake import open_transport
from nodes.remote.ssh import SshSession
from tests.deadlines import PATIENCE, promised
from tests.tools import tool

MIB = 1024 * 1024


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("count", [1_000, 100_000, 2 * MIB])
def test_drop_while_writing_is_a_lost_session(sshd, proxy, session, folder, count):
    server = sshd()
    relay = proxy(server.port)
    opened = session(server.target(port=relay.port))
    opened.stat("/")
    relay.drop_after(count)
    with pytest.raises(SessionLost):
        opened.write_new(f"{folder}/a", [b"x" * MIB] * 4)
    with pytest.raises(SessionLost):
        opened.stat("/")
    assert not opened.usable


def test_the_end_of_an_input_never_reaches_a_channel_that_is_gone(sshd):
    """The server closes a channel while the end of its input is on the way: sent too late it would end the connection,
    or take another command's input away."""
    connection: Any = open_transport(sshd().target())  # its inside is private
    closed = threading.Event()
    handlers, send = dict(connection._channel_handler_table), connection._send_user_message

    def close_seen(channel, message):
        handlers[MSG_CHANNEL_CLOSE](channel, message)
        closed.set()

    def end_of_input_comes_late(message):
        if message.asbytes()[0] == MSG_CHANNEL_EOF and threading.current_thread() is threading.main_thread():
            assert closed.wait(PATIENCE)
        send(message)

    connection._channel_handler_table = {**handlers, MSG_CHANNEL_CLOSE: close_seen}
    connection._send_user_message = end_of_input_comes_late
    opened = SshSession(connection)
    try:
        for number in range(10):
            closed.clear()
            assert opened.run(f"exit {number}", timeout=PATIENCE).exit_status == number
        assert list(connection._channels.values()) == []
    finally:
        connection.close()


def test_many_commands_at_once_on_one_connection(sshd):
    """Short ones, whose channels' numbers the server gives away again at once; each reads its own input to the end."""
    connection = open_transport(sshd().target())

    def commands(own: bytes) -> set[bytes]:
        opened = SshSession(connection)
        return {opened.run("cat; exit 3", stdin=own, timeout=PATIENCE).stdout for _ in range(150)}

    try:
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(commands, [b"input %d" % number for number in range(6)]))
    finally:
        connection.close()
    assert answers == [{b"input %d" % number} for number in range(6)]


@pytest.mark.parametrize("count", [1_000, 100_000, 2 * MIB])
def test_drop_while_reading_is_a_lost_session(sshd, proxy, session, folder, count):
    (folder / "a").write_bytes(b"x" * 4 * MIB)
    server = sshd()
    relay = proxy(server.port)
    opened = session(server.target(port=relay.port))
    opened.stat("/")
    relay.drop_after(count)
    with pytest.raises(SessionLost):
        list(opened.read(f"{folder}/a", most=1 << 30))


def test_drop_in_a_batch_is_a_lost_session(sshd, proxy, session, folder):
    for number in range(500):
        (folder / f"f{number}").touch()
    server = sshd()
    relay = proxy(server.port)
    opened = session(server.target(port=relay.port))
    opened.stat("/")
    relay.drop_after(20_000)
    with pytest.raises(SessionLost):
        opened.replace_many([(f"{folder}/f{number}", f"{folder}/g{number}") for number in range(500)])


def test_drop_while_a_command_runs_is_a_lost_session(sshd, session):
    server = sshd()
    opened = session(server.target())
    killed: list[int] = []

    def kill(_: int) -> None:
        if not killed:
            killed.append(server.kill_sessions())

    with pytest.raises(SessionLost):
        opened.run("sleep 20", timeout=20, progress=kill)
    assert killed[0] > 0


def test_killed_sftp_session_is_lost_and_the_server_lives_on(sshd, session):
    server = sshd()
    opened = session(server.target())
    opened.stat("/")
    server.kill_sessions()
    with pytest.raises(SessionLost):
        opened.stat("/")
    assert session(server.target()).stat("/") is not None


def test_frozen_server_times_out_in_every_verb(sshd, proxy, session, folder):
    server = sshd()
    relay = proxy(server.port)
    (folder / "a").write_bytes(b"x")
    verbs = [
        lambda opened: opened.stat("/"),
        lambda opened: opened.list_folder(str(folder)),
        lambda opened: list(opened.read(f"{folder}/a", most=1 << 30)),
        lambda opened: opened.write_new(f"{folder}/b", [b"x"]),
        lambda opened: opened.remove_many([f"{folder}/c"]),
        lambda opened: opened.run("true", timeout=0.5),
    ]
    for verb in verbs:
        relay.thaw()
        opened = session(server.target(port=relay.port), patience=0.5)
        opened.stat("/")
        relay.freeze()
        began = time.monotonic()
        with pytest.raises(TimedOut):
            verb(opened)
        assert time.monotonic() - began < promised(3)
    relay.thaw()


def test_peer_that_stops_reading_loses_the_connection(sshd, proxy, session, monkeypatch):
    """More than all buffers hold: the library alone would try to send for ever."""
    monkeypatch.setattr(wire, "STALL_SECONDS", 1.0)
    server = sshd()
    relay = proxy(server.port)
    opened = session(server.target(port=relay.port), patience=2.0)
    opened.stat("/")
    relay.freeze()
    began = time.monotonic()
    with pytest.raises((SessionLost, TimedOut)):
        opened.run("cat", stdin=[b"x" * MIB] * 64, timeout=4)
    assert time.monotonic() - began < promised(10)
    relay.thaw()


@contextmanager
def _small_volume(folder: Path, size: str) -> Iterator[Path]:
    subprocess.run([tool("mount"), "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run([tool("umount"), str(folder)], check=True)


def test_full_disk_is_no_space_and_leaves_nothing(sshd, session, folder):
    """Needs root, for a volume of its own."""
    opened = session(sshd().target())
    with _small_volume(folder, "3m"):
        with pytest.raises(NoSpace):
            opened.write_new(f"{folder}/a", [b"x" * MIB] * 8)
        assert _names(folder) == []
        assert opened.write_new(f"{folder}/b", [b"x"]).size == 1


def test_no_file_entries_left_is_no_space(sshd, session, folder):
    opened = session(sshd().target())
    with _small_volume(folder, "8m,nr_inodes=4"):
        with pytest.raises(NoSpace):
            for number in range(10):
                opened.write_new(f"{folder}/{number}", [b"x"])
        with pytest.raises(NoSpace):
            opened.make_folders(f"{folder}/sub")


def test_read_only_login_is_denied_in_every_changing_verb(sshd, session, folder):
    (folder / "a").write_text("precious")
    opened = session(sshd(sftp_program="internal-sftp -R").target())
    for act in (
        lambda: opened.write_new(f"{folder}/b", [b"x"]),
        lambda: opened.make_folders(f"{folder}/sub"),
        lambda: opened.remove_folder(str(folder)),
    ):
        with pytest.raises(RemoteDenied):
            act()
    for outcomes in (opened.remove_many([f"{folder}/a"]), opened.set_mtime_many([(f"{folder}/a", 0)])):
        assert [type(outcome) for outcome in outcomes] == [RemoteDenied]
    pair = [(f"{folder}/a", f"{folder}/b")]  # such a server does not even offer these
    for outcomes in (opened.replace_many(pair), opened.link_many(pair)):
        assert [type(outcome) for outcome in outcomes] == [Unsupported]
    assert b"".join(opened.read(f"{folder}/a", most=1 << 30)) == b"precious"


def test_server_without_extensions_answers_unsupported(sshd, session, folder):
    """A server that offers neither atomic rename nor links: each item says so, and nothing else is tried."""
    (folder / "a").write_text("a")
    refused = "posix-rename,hardlink,statvfs,fsync"
    opened = session(sshd(sftp_program=f"internal-sftp -P {refused}").target())
    pair = [(f"{folder}/a", f"{folder}/b")]
    assert [type(one) for one in opened.replace_many(pair)] == [Unsupported]
    assert [type(one) for one in opened.link_many(pair)] == [Unsupported]
    assert opened.free_space(str(folder)) is None
    assert opened.write_new(f"{folder}/c", [b"x"]).size == 1
    assert _names(folder) == ["a", "c"]


def test_server_without_sftp_says_so(asyncssh_node, session):
    opened = session(asyncssh_node(sftp_factory=False).target())
    with pytest.raises(Unsupported, match="SFTP"):
        opened.stat("/")
    assert opened.run("echo on", timeout=PATIENCE).stdout == b"on\n"


def test_server_without_commands_says_so(asyncssh_node, session):
    opened = session(asyncssh_node(runs_commands=False).target())
    with pytest.raises(Unsupported, match="commands"):
        opened.run("true", timeout=5)
    assert opened.stat("/") is not None


class ShortReads(asyncssh.SFTPServer):
    """Answers a third of what was asked for."""

    def read(self, file_obj, offset, size):
        return super().read(file_obj, offset, max(1, size // 3))


class Truncates(asyncssh.SFTPServer):
    """The file ends early."""

    def read(self, file_obj, offset, size):
        return super().read(file_obj, offset, size) if offset < 100_000 else b""


class FailsLate(asyncssh.SFTPServer):
    """Reading and writing fail in the middle."""

    def read(self, file_obj, offset, size):
        if offset >= 300_000:
            raise asyncssh.SFTPFailure("bad block")
        return super().read(file_obj, offset, size)

    def write(self, file_obj, offset, data):
        if offset >= 300_000:
            raise asyncssh.SFTPFailure("bad block")
        return super().write(file_obj, offset, data)


class LosesBytes(asyncssh.SFTPServer):
    """Says that it wrote and did not."""

    def write(self, file_obj, offset, data):
        return len(data) if offset >= 300_000 else super().write(file_obj, offset, data)


class SlowDisk(asyncssh.SFTPServer):
    """Its disk has written once `written` is set."""

    written = threading.Event()

    async def fsync(self, file_obj):
        while not self.written.is_set():
            await asyncio.sleep(0.01)
        return super().fsync(file_obj)


class LeadsOut(asyncssh.SFTPServer):
    """Lists a name that would lead out of the folder."""

    async def scandir(self, path):
        yield asyncssh.SFTPName(b"../../etc/passwd", "", asyncssh.SFTPAttrs(size=1, permissions=0o100644))


def test_a_slow_disk_is_waited_for_with_signs_of_life(asyncssh_node, session, folder, monkeypatch):
    monkeypatch.setattr(SlowDisk, "written", threading.Event())
    opened = session(asyncssh_node(sftp_factory=SlowDisk).target())
    told: list[int] = []

    def progress(count: int) -> None:
        told.append(count)
        if told[-2:] == [0, 0]:
            SlowDisk.written.set()

    assert opened.write_new(f"{folder}/a", [b"x" * MIB], progress=progress).size == MIB
    assert sum(told) == MIB and told[-2:] == [0, 0]


def test_a_slow_disk_is_not_waited_for_once_the_work_must_stop(asyncssh_node, session, folder, monkeypatch):
    monkeypatch.setattr(SlowDisk, "written", threading.Event())
    opened = session(asyncssh_node(sftp_factory=SlowDisk).target())

    def progress(count: int) -> None:
        if not count:
            SlowDisk.written.set()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        opened.write_new(f"{folder}/a", [b"x"], progress=progress)
    assert _names(folder) == [] and opened.usable


def test_short_reads_are_put_together(asyncssh_node, session, folder):
    data = os.urandom(400_000)
    (folder / "a").write_bytes(data)
    opened = session(asyncssh_node(sftp_factory=ShortReads).target())
    assert b"".join(opened.read(f"{folder}/a", most=1 << 30)) == data


def test_file_that_ends_early_counts_as_changed(asyncssh_node, session, folder):
    (folder / "a").write_bytes(b"x" * 400_000)
    opened = session(asyncssh_node(sftp_factory=Truncates).target())
    with pytest.raises(ChangedWhileRead):
        list(opened.read(f"{folder}/a", most=1 << 30))


@pytest.mark.parametrize("factory", [FailsLate, LosesBytes])
def test_write_that_fails_late_leaves_nothing(asyncssh_node, session, folder, factory):
    opened = session(asyncssh_node(sftp_factory=factory).target())
    with pytest.raises(RemoteBusy):
        opened.write_new(f"{folder}/a", [b"x" * MIB])
    assert _names(folder) == []


def test_read_that_fails_late_is_retryable(asyncssh_node, session, folder):
    (folder / "a").write_bytes(b"x" * MIB)
    opened = session(asyncssh_node(sftp_factory=FailsLate).target())
    with pytest.raises(NodeError) as caught:
        list(opened.read(f"{folder}/a", most=1 << 30))
    assert caught.value.retryable
    assert opened.stat(f"{folder}/a").size == MIB


def test_names_that_lead_out_of_the_folder_are_refused(asyncssh_node, session, folder):
    opened = session(asyncssh_node(sftp_factory=LeadsOut).target())
    with pytest.raises(OutputUnreadable, match="impossible name"):
        opened.list_folder(str(folder))
