"""The lab itself: what it plays it plays truly, and what it does not play says so instead of reporting success."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nodes.errors import RemoteBusy
from nodes.platforms import platform_named
from nodes.remote import scripts
from nodes.remote.ssh import SshSession, open_transport
from tests.winlab.prefix import SILENT, Prefix
from tests.winlab.server import WinNode, file_server

WINDOWS = platform_named("windows")
SOON = 60.0


@pytest.fixture(scope="module")
def session(wine: Prefix) -> Iterator[SshSession]:
    server = WinNode.start(wine, r"C:\Lab")
    transport = open_transport(server.target())
    yield SshSession(transport)
    transport.close()
    server.stop()


def test_programs_that_wine_only_pretends_end_with_99(session: SshSession) -> None:
    assert {name: session.run(f"{name} /?", timeout=SOON).exit_status for name in SILENT} == dict.fromkeys(SILENT, 99)


@pytest.mark.parametrize("words", ["-Command Get-Date", "-NoLogo -File C:\\winlab\\hold.py", ""])
def test_unknown_powershell_ends_with_99(session: SshSession, words: str) -> None:
    assert session.run(f"powershell.exe {words}", timeout=SOON).exit_status == 99


def test_a_script_with_one_byte_changed_is_not_played(session: SshSession) -> None:
    scripts.bring(session, WINDOWS)
    ready = scripts.prepared(session, WINDOWS)
    probe = ready.probe()
    assert probe is not None
    assert ready.parse_probe(session.run(ready.spell(probe), timeout=SOON)).can_hash
    path = ready.sftp_path(probe.argv[-1])
    content = b"".join(session.read(path, most=1 << 30))
    session.remove_many([path])
    session.write_new(path, [content.replace(b"exit 0", b"exit 1")])
    assert session.run(ready.spell(probe), timeout=SOON).exit_status == 99
    assert scripts.prepared(session, WINDOWS).probe() is None
    scripts.take_away(session)


def test_missing_folders_are_told_by_the_scripts_status(session: SshSession) -> None:
    scripts.bring(session, WINDOWS)
    ready = scripts.prepared(session, WINDOWS)
    for command in (ready.list_tree("/C:/nowhere"), ready.hash_files("/C:/nowhere")):
        assert command is not None
        assert session.run(ready.spell(command), timeout=SOON).exit_status == 97
    scripts.take_away(session)


def test_a_share_that_does_not_open_is_told_by_number(session: SshSession, wine: Prefix, tmp_path: Path) -> None:
    (tmp_path / "Users").mkdir()
    scripts.bring(session, WINDOWS)
    ready = scripts.prepared(session, WINDOWS)

    def number(folder: str) -> int:
        command = ready.share_number(folder)
        assert command is not None
        return ready.parse_share_number(session.run(ready.spell(command), timeout=SOON))

    with file_server(wine, "labfiles", mail=tmp_path):
        assert number("//labfiles/mail/Users") == number("//labfiles/mail") == 0
        assert session.stat("//labfiles/mail/Users")
        assert number("//labfiles/mail/Nowhere") == 3
        assert number("//labfiles/other") == 67
        assert number("//127.0.0.1/mail") == 53
        assert number("//nowhere.invalid/mail") == 11001
        with pytest.raises(RemoteBusy):
            session.stat("//labfiles/other")
        assert session.free_space("//labfiles/mail")
    scripts.take_away(session)
