"""The portal's scripts on a node: brought when asked, used only unchanged, taken away without a trace."""

from __future__ import annotations

import pytest

from nodes.errors import FileTooLarge, RemoteDenied
from nodes.platforms import platform_named
from nodes.remote import scripts
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FAKE_HOME, FakeSession

WINDOWS, POSIX = platform_named("windows"), platform_named("posix")
FOLDER = f"{FAKE_HOME}/.clusterportal"


class Lettered(FakeSession):
    """A node whose home folder is on a drive."""

    def home(self) -> str:
        return f"/C:{FAKE_HOME}"


@pytest.fixture
def session() -> FakeSession:
    disk = FakeDisk()
    disk.put_folder(f"/C:{FAKE_HOME}")
    return Lettered(disk)


def files(session: FakeSession) -> set[str]:
    return {path.rpartition("/")[2] for path in session.disk.names if path.endswith(".ps1")}


def test_nothing_is_used_that_was_not_brought(session):
    assert scripts.prepared(session, WINDOWS).probe() is None
    assert files(session) == set()


def test_brought_scripts_are_used(session):
    assert set(scripts.bring(session, WINDOWS)) == set(WINDOWS.scripts()) == files(session)
    ready = scripts.prepared(session, WINDOWS)
    command = ready.probe()
    assert command is not None
    assert command.argv[-1].startswith("C:\\srv\\home\\.clusterportal\\selftest-")
    assert scripts.bring(session, WINDOWS) == ()


def test_another_text_under_the_right_name_is_not_used_and_is_mended(session):
    scripts.bring(session, WINDOWS)
    name = next(iter(WINDOWS.scripts()))
    path = f"/C:{FOLDER}/{name}"
    content = session.disk.content(path)
    session.disk.put(path, content[:-1] + b"#")
    assert scripts.prepared(session, WINDOWS).probe() is None
    assert scripts.bring(session, WINDOWS) == (name,)
    assert session.disk.content(path) == content


def test_scripts_of_another_version_go_and_other_files_stay(session):
    session.disk.put(f"/C:{FOLDER}/tree-0000000000000000.ps1", b"old")
    session.disk.put(f"/C:{FOLDER}/notes.txt", b"not ours")
    scripts.bring(session, WINDOWS)
    assert files(session) == set(WINDOWS.scripts())
    assert session.disk.content(f"/C:{FOLDER}/notes.txt") == b"not ours"


def test_taking_away_leaves_nothing(session):
    assert scripts.take_away(session) == ()
    scripts.bring(session, WINDOWS)
    assert set(scripts.take_away(session)) == set(WINDOWS.scripts())
    assert files(session) == set()
    assert session.stat(f"/C:{FOLDER}") is None


def test_a_script_that_cannot_be_read_is_not_used(session):
    scripts.bring(session, WINDOWS)
    session.disk.denied.add(f"/C:{FOLDER}/{next(iter(WINDOWS.scripts()))}")
    assert scripts.prepared(session, WINDOWS).probe() is None
    with pytest.raises(RemoteDenied):
        scripts.take_away(session)


def test_a_script_that_is_longer_than_was_said_is_read_no_further(session, monkeypatch):
    scripts.bring(session, WINDOWS)
    largest = max(map(len, WINDOWS.scripts().values()))
    given: list[int] = []

    def read(self, path, *, most, progress=None):
        given.append(most)
        raise FileTooLarge(path)

    monkeypatch.setattr(Lettered, "read", read)
    assert scripts.prepared(session, WINDOWS).probe() is None
    assert 0 < given[0] <= largest


def test_posix_nodes_need_none(session):
    assert scripts.prepared(session, POSIX) is POSIX
