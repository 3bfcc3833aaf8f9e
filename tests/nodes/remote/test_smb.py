"""The portal's way to folders on a file server, against a real smbd: what each verb does, and each reason by its own
case."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from smbprotocol.header import Commands, NtStatus, Smb2Flags

from nodes.enums import CellReason
from nodes.platforms.unc import UncPath
from nodes.remote import smb, smb_wire
from nodes.remote.share_probe import probe_share
from nodes.remote.shares import ShareBusy, ShareError, ShareExists, ShareProbe
from nodes.remote.smb import PIECE, open_share
from nodes.remote.smb_wire import BoundedTcp
from nodes.secret import Secret
from tests.deadlines import PATIENCE
from tests.smbd import Smbd

NAME = ".cp~share-0a1b2c3d"
STEPS = ["reach", "create", "write", "read", "lock", "rename", "delete"]
SECONDS = 60.0
PENDING = NtStatus.STATUS_PENDING.to_bytes(4, "little")


@pytest.fixture
def own(smbd, request) -> tuple[UncPath, Path]:
    """A folder of the test's own, as the portal and as this machine names it."""
    local = smbd.local(request.node.name[:80])
    local.mkdir()
    return smbd.path(local.name), local


@pytest.fixture
def folder(smbd, own):
    with open_share(own[0], smbd.login(), seconds=SECONDS) as opened:
        yield opened


def probe(smbd: Smbd, path: UncPath, **changes: object) -> ShareProbe:
    return probe_share(path, smbd.login(**changes), NAME, SECONDS)


def test_a_folder_that_works(smbd, own) -> None:
    path, local = own
    found = probe(smbd, path)
    assert (found.reason, found.text, list(found.steps)) == (None, "", STEPS)
    assert all(0.0 <= seconds < PATIENCE for seconds in found.steps.values())
    assert found.latency is not None and 0.0 < found.latency < PATIENCE
    assert found.space is not None and 0 < found.space.free <= found.space.total
    assert found.clock_offset is not None and abs(found.clock_offset) < 60.0
    assert list(local.iterdir()) == []


def test_a_share_that_demands_encryption_works_too(smbd) -> None:
    assert probe(smbd, smbd.path(share="sealed")).reason is None


@pytest.mark.parametrize(
    ("share", "folders", "reason", "last"),
    [
        ("nosuch", (), CellReason.NO_SHARE, "reach"),
        ("mail", ("no", "such"), CellReason.NO_FOLDER, "reach"),
        ("denied", (), CellReason.DENIED, "reach"),
        ("readonly", (), CellReason.READ_ONLY, "create"),
        ("full", (), CellReason.FULL, "write"),
    ],
)
def test_each_way_in_which_a_share_does_not_work(smbd, share, folders, reason, last) -> None:
    found = probe(smbd, smbd.path(*folders, share=share))
    assert (found.reason, list(found.steps)) == (reason, STEPS[: STEPS.index(last) + 1])
    assert found.text and found.remedy
    if share != "nosuch":
        assert list(smbd.local(share=share).glob(".cp~*")) == []


@pytest.mark.parametrize("changes", [{"password": Secret("of somebody else")}, {"username": "nobody-here"}])
def test_a_login_that_is_wrong(smbd, changes) -> None:
    found = probe(smbd, smbd.path(), **changes)
    assert found.reason is CellReason.WRONG_LOGIN
    assert "the user name or the password is wrong" in found.text


def test_a_name_that_is_too_long_and_a_file_in_a_folders_place(smbd, own) -> None:
    path, local = own
    assert probe(smbd, path.join("x" * 250, "y" * 20)).reason is CellReason.NO_FOLDER
    (local / "file").write_bytes(b"")
    assert probe(smbd, path.join("file")).reason is CellReason.NO_FOLDER


def test_a_server_that_hangs_and_one_that_is_down(tmp_path, monkeypatch) -> None:
    server = Smbd.start(tmp_path)
    try:
        with open_share(server.path(), server.login(), seconds=SECONDS) as folder, server.hung():
            monkeypatch.setattr(smb_wire, "ANSWER_SECONDS", 0.3)
            assert probe(server, server.path()).reason is CellReason.UNREACHABLE
            with pytest.raises(ShareError) as slow:
                folder.create("late")
        assert slow.value.reason is CellReason.SLOW
        monkeypatch.undo()
        with open_share(server.path(), server.login(), seconds=SECONDS) as folder:
            server.stop()
            with pytest.raises(ShareError) as broken:
                folder.create("too late")
        assert broken.value.reason is CellReason.UNREACHABLE
        assert probe(server, server.path()).reason is CellReason.UNREACHABLE
    finally:
        server.stop()


def test_content_comes_back_whole_and_up_to_a_bound(folder, own) -> None:
    content = bytes(range(256)) * (PIECE // 256) + b"and a rest"
    before = datetime.now(UTC) - timedelta(seconds=60)
    assert before < folder.create("file") < datetime.now(UTC) + timedelta(seconds=60)
    folder.write("file", content)
    assert (own[1] / "file").read_bytes() == content
    assert folder.read("file", most=len(content) + 1) == content
    assert folder.read("file", most=10) == content[:10]


def test_a_file_is_made_once_and_held_by_one(smbd, folder, own) -> None:
    folder.create("file")
    with pytest.raises(ShareExists):
        folder.create("file")
    with open_share(own[0], smbd.login(), seconds=SECONDS) as other:
        with folder.held("file"):
            assert other.is_held("file")
            with pytest.raises(ShareBusy), other.held("file"):
                pass
        assert not other.is_held("file")


def test_a_file_is_renamed_over_no_other_and_removed_also_twice(folder, own) -> None:
    for name in ("one", "two"):
        folder.create(name)
    with pytest.raises(ShareExists):
        folder.rename("one", "two")
    folder.rename("one", "three")
    assert sorted(path.name for path in own[1].iterdir()) == ["three", "two"]
    for _ in range(2):
        folder.remove("two")
    assert [path.name for path in own[1].iterdir()] == ["three"]


def test_names_that_begin_so_and_no_others(folder, own) -> None:
    for name in (NAME, f"{NAME}-b", "Übersicht.msg", ".cp~other"):
        (own[1] / name).write_bytes(b"")
    assert sorted(folder.names(NAME)) == [NAME, f"{NAME}-b"]
    assert folder.names("Über") == ("Übersicht.msg",)
    assert folder.names("no") == ()


def test_no_more_names_than_agreed(folder, own, monkeypatch) -> None:
    monkeypatch.setattr(smb, "MOST_NAMES", 20)
    for number in range(25):
        (own[1] / f"{NAME}{number:04d}").touch()
    assert len(folder.names(NAME)) == 20


def test_connections_of_several_logins_know_nothing_of_each_other(smbd, own) -> None:
    with open_share(own[0], smbd.login(), seconds=SECONDS) as folder:
        folder.create("mine")
        assert probe(smbd, own[0], password=Secret("of somebody else")).reason is CellReason.WRONG_LOGIN
        assert folder.names("mine") == ("mine",)


def test_nothing_is_left_open(smbd, own) -> None:
    threads, open_files = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    for path in (own[0], smbd.path(share="nosuch"), smbd.path(share="readonly")):
        probe(smbd, path)
    assert threading.active_count() <= threads
    assert len(list(Path("/proc/self/fd").iterdir())) <= open_files


def test_no_password_in_any_word(smbd, own, caplog) -> None:
    for name in ("smbprotocol", "spnego"):
        caplog.set_level(logging.DEBUG, name)
    told = [probe(smbd, own[0]), probe(smbd, own[0], username="nobody-here")]
    assert smbd.password not in f"{told!r}{smbd.login()!r}{caplog.text}"


def forged(packet: bytes, flags: int, **fields: int) -> bytes:
    """An answer as somebody in between would write it: without a signature that holds."""
    at = {"status": slice(8, 12), "command": slice(12, 14), "flags": slice(16, 20)}
    changed = bytearray(packet[:48] + bytes(16) + packet[64:])
    for name, value in {**fields, "flags": flags}.items():
        changed[at[name]] = value.to_bytes(at[name].stop - at[name].start, "little")
    return bytes(changed)


@pytest.mark.parametrize(
    ("signed", "fields", "told"),
    [
        (False, {}, "not signed"),
        (False, {"status": NtStatus.STATUS_NO_SUCH_FILE}, "not signed"),
        (False, {"status": NtStatus.STATUS_SHARING_VIOLATION}, "not signed"),
        (True, {"command": Commands.SMB2_SESSION_SETUP}, "does not know"),
        (True, {"status": NtStatus.STATUS_NO_SUCH_FILE}, "does not know"),
    ],
)
def test_what_the_file_server_did_not_sign_is_refused(smbd, own, monkeypatch, signed, fields, told) -> None:
    """The library takes most of it: it verifies signatures only where there are some, and of no answer that says that
    it belongs to a login."""
    receive = BoundedTcp.recv

    def between(self, timeout: float) -> bytes:
        packet = receive(self, timeout)
        flags = int.from_bytes(packet[16:20], "little") & ~Smb2Flags.SMB2_FLAGS_SIGNED
        return forged(packet, flags | (signed and Smb2Flags.SMB2_FLAGS_SIGNED), **fields) if packet else b""

    with open_share(own[0], smbd.login(), seconds=SECONDS) as folder:
        monkeypatch.setattr(BoundedTcp, "recv", between)
        folder.round_trip()  # the reading thread waits in the method as it was
        with pytest.raises(ShareError, match=told):
            folder.names(NAME)


def test_answers_that_were_changed_on_the_way_are_refused(smbd, own, monkeypatch) -> None:
    """Each in its turn. Signed are all after the login; what comes before is what the signatures are made from."""
    receive, turn = BoundedTcp.recv, {"left": 0}

    def changed(self, timeout: float) -> bytes:
        packet = receive(self, timeout)
        if not packet or packet[8:12] == PENDING:  # the end, or what says nothing and is signed by nobody
            return packet
        turn["left"] -= 1
        return packet[:-3] + bytes([packet[-3] ^ 1]) + packet[-2:] if turn["left"] == 0 else packet

    monkeypatch.setattr(BoundedTcp, "recv", changed)
    for at in range(1, 100):
        turn["left"] = at
        found = probe_share(own[0], smbd.login(), f"{NAME}{at}", SECONDS)
        if turn["left"] > 0:  # there were not so many
            break
        assert found.reason is not None, at
    assert found.reason is None and at > len(STEPS) * 3
