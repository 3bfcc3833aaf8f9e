"""Why a folder on a share is not there for a node: numbers become words, and what is no mount is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.command import CommandResult
from nodes.enums import CellReason
from nodes.errors import OutputUnreadable
from nodes.platforms import platform_named
from nodes.platforms.base import Mount, Platform
from nodes.platforms.unc import UncPath
from nodes.shares.reasons import ask_reason, ask_volume, not_mounted, reason_of
from tests.any_input import is_fit_to_be_shown
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.nodes.platforms.shell import run

PATH = UncPath.parse(r"\\files\mail\Users")
POSIX, WINDOWS = platform_named("posix"), platform_named("windows").with_scripts("/C:/Users/svc/.clusterportal")
FOLDER = "//files/mail/Users"
SOON = 10.0


def saying(stdout: str, status: int = 0) -> FakeSession:
    """A node that answers every command so."""
    return FakeSession(FakeDisk(), lambda line, stdin: CommandResult(status, stdout.encode(), b""))


@pytest.mark.parametrize(
    ("number", "reason", "said"),
    [
        (11001, CellReason.NO_HOST, "no server called files"),
        (53, CellReason.UNREACHABLE, "files does not answer"),
        (51, CellReason.UNREACHABLE, "firewall"),
        (1231, CellReason.UNREACHABLE, "firewall"),
        (67, CellReason.NO_SHARE, "files has no share mail"),
        (2, CellReason.NO_FOLDER, r"\\files\mail\Users is not there"),
        (3, CellReason.NO_FOLDER, "make the folder"),
        (5, CellReason.DENIED, "on the share and on the folder"),
        (65, CellReason.DENIED, r"access to \\files\mail\Users"),
        (86, CellReason.WRONG_LOGIN, "the password is wrong"),
        (1326, CellReason.WRONG_LOGIN, "the user name or the password is wrong"),
        (1909, CellReason.WRONG_LOGIN, "the account is locked"),
        (1312, CellReason.NO_CREDENTIALS, "no rights on other machines"),
        (112, CellReason.FULL, "make room on files"),
        (39, CellReason.FULL, "make room on files"),
        (19, CellReason.READ_ONLY, "takes no writes"),
        (206, CellReason.TOO_LONG, "choose shorter names"),
        (111, CellReason.TOO_LONG, "choose shorter names"),
        (1219, CellReason.OTHER, "net helpmsg 1219"),
        (99999, CellReason.OTHER, "error 99999"),
    ],
)
def test_numbers_become_words(number: int, reason: CellReason, said: str) -> None:
    found = reason_of(number, PATH, by_key=False)
    assert found.reason == reason and said in found.text
    by_key = reason_of(number, PATH, by_key=True)
    lacking = reason in (CellReason.DENIED, CellReason.WRONG_LOGIN, CellReason.NO_CREDENTIALS)
    assert by_key.reason == (CellReason.NO_CREDENTIALS if lacking else reason)
    assert not lacking or "store a password" in by_key.text


def test_a_windows_node_is_asked() -> None:
    def asked(stdout: str, *, status: int = 0, platform: Platform = WINDOWS) -> CellReason | None:
        found = ask_reason(saying(stdout, status), platform, FOLDER, PATH, by_key=False, timeout=SOON)
        return found.reason if found else None

    assert asked("67\r\nend\r\n") == CellReason.NO_SHARE
    assert asked("0\r\nend\r\n") is None  # it opens
    assert (
        asked("Zugriff verweigert") is asked("67\r\nend\r\n", status=1) is None
    )  # what is not understood says nothing
    assert asked("67\r\nend\r\n", platform=platform_named("windows")) is None  # without scripts
    assert asked("67\r\nend\r\n", platform=POSIX) is None
    assert (
        ask_reason(FakeSession(FakeDisk()), WINDOWS, FOLDER, PATH, by_key=True, timeout=SOON) is None
    )  # without a shell


HEAD = "Filesystem     1024-blocks      Used Available Capacity Mounted on\n"


@pytest.mark.parametrize(
    ("line", "mount", "is_mounted"),
    [
        ("/dev/sda1       50000 10000 40000      20% /", Mount("/dev/sda1", "/"), False),
        ("/dev/sdb1       50000 10000 40000      20% /mnt", Mount("/dev/sdb1", "/mnt"), False),
        ("/dev/sdb1       50000 10000 40000      20% /mnt/mail", Mount("/dev/sdb1", "/mnt/mail"), True),
        ("//files/Mail store 5 1 4 20% /mnt", Mount("//files/Mail store", "/mnt"), True),
        ("nfs.example:/export/mail 5 1 4 20% /mnt/mail", Mount("nfs.example:/export/mail", "/mnt/mail"), True),
        ("cephfs 5 -1 4 - /mnt/mail store", Mount("cephfs", "/mnt/mail store"), False),
        ("evil\u202e[2J 5 1 4 20% /mnt", Mount("evil [2J", "/mnt"), False),
    ],
)
def test_what_is_no_mount_is_told(line: str, mount: Mount, is_mounted: bool) -> None:
    assert POSIX.parse_mount(CommandResult(0, (HEAD + line + "\n").encode(), b"")) == mount
    assert ask_volume(saying(HEAD + line), POSIX, "/mnt/mail/", timeout=SOON) == mount
    found = not_mounted(mount, "/mnt/mail/")
    assert (found is None) == is_mounted
    if found:
        assert found.reason == CellReason.NOT_MOUNTED and is_fit_to_be_shown(found.text)
        assert f"lies on {mount.source}, which is mounted at {mount.point}" in found.text


@pytest.mark.parametrize("stdout", ["", HEAD, "/dev/sda1 1 2 3 20%", "/dev/sda1 1 2 3 20% mnt", "x y z 1 2% /"])
def test_what_df_does_not_say_is_not_known(stdout: str) -> None:
    with pytest.raises(OutputUnreadable):
        POSIX.parse_mount(CommandResult(1, stdout.encode(), b""))
    assert ask_volume(saying(stdout), POSIX, "/mnt/mail", timeout=SOON) is None


def test_windows_mounts_nothing() -> None:
    assert ask_volume(saying(HEAD), WINDOWS, "/C:/mail", timeout=SOON) is None


def test_the_real_df_is_understood(tmp_path: Path) -> None:
    (tmp_path / "-mail store").mkdir()
    mount = POSIX.parse_mount(run(POSIX.mount(str(tmp_path / "-mail store"))))
    assert mount.point.startswith("/") and tmp_path.is_relative_to(mount.point) and mount.source
    with pytest.raises(OutputUnreadable):
        POSIX.parse_mount(run(POSIX.mount(str(tmp_path / "nothing"))))
