"""Folders: listing, making, removing."""

from __future__ import annotations

import pytest

from nodes.errors import NodeError, RemoteBusy, RemoteDenied, RemoteFileExists, RemoteFileMissing, Unsupported
from nodes.remote.session import FileKind
from nodes.remote.sftp import SftpChannel


def test_list_folder_tells_kind_and_size_without_following(node):
    node.put("file", b"abc")
    node.put("folder/inner", b"x")
    node.files.put_link(node.path("link"), "nowhere")
    found = {entry.name: entry.stat.kind for entry in node.session.list_folder(node.root)}
    assert found == {"file": FileKind.FILE, "folder": FileKind.FOLDER, "link": FileKind.LINK}
    (size,) = (entry.stat.size for entry in node.session.list_folder(node.root) if entry.name == "file")
    assert size == 3


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 1500])
def test_list_folder_is_complete(node, count):
    for number in range(count):
        node.put(f"f{number}", b"")
    names = [entry.name for entry in node.session.list_folder(node.root)]
    assert sorted(names) == sorted(f"f{number}" for number in range(count))
    pieces = list(node.session.entries(node.root))
    assert sorted(entry.name for piece in pieces for entry in piece) == sorted(names)
    assert max((len(piece) for piece in pieces), default=0) <= 200


def test_a_folder_that_is_not_listed_to_its_end_harms_nothing(node):
    for number in range(500):
        node.put(f"f{number}", b"")
    pieces = node.session.entries(node.root)
    assert next(pieces)
    pieces.close()
    assert len(node.session.list_folder(node.root)) == 500


def test_list_folder_of_nothing_and_of_a_file_says_missing(node):
    node.put("file")
    for name in ("nothing", "file"):
        with pytest.raises(RemoteFileMissing):
            node.session.list_folder(node.path(name))
        with pytest.raises(RemoteFileMissing):
            list(node.session.entries(node.path(name)))


def test_make_folders_answers_what_it_made(node):
    assert node.session.make_folders(node.path("a/b")) == (node.path("a"), node.path("a/b"))
    assert node.session.make_folders(node.path("a/b/c")) == (node.path("a/b/c"),)
    assert node.session.make_folders(node.path("a/b/c")) == ()
    assert node.session.make_folders(node.path("a//b/d/")) == (node.path("a/b/d"),)


def test_make_folders_refuses_to_pass_through_a_link(node):
    node.session.make_folders(node.path("real/sub"))
    node.files.put_link(node.path("link"), node.path("real"))
    for name in ("link/new", "link/sub/new", "link"):
        with pytest.raises(RemoteDenied):
            node.session.make_folders(node.path(name))
    assert not node.exists("real/new")
    assert not node.exists("real/sub/new")


def test_make_folders_refuses_to_pass_through_a_file(node):
    node.put("file", b"precious")
    with pytest.raises(RemoteFileExists):
        node.session.make_folders(node.path("file/new"))
    assert node.content("file") == b"precious"


def test_make_folders_many_answers_for_each_what_it_made(node):
    node.put("file", b"precious")
    node.session.make_folders(node.path("real"))
    node.files.put_link(node.path("link"), node.path("real"))
    names = ("a/b/c", "a/b/c", "a/d", "file/new", "real", "link/new", "real/deep/est")
    made = node.session.make_folders_many([node.path(name) for name in names])
    path = node.path
    assert made[:3] == [(path("a"), path("a/b"), path("a/b/c")), (), (path("a/d"),)]
    assert [type(outcome) for outcome in (made[3], made[5])] == [RemoteFileExists, RemoteDenied]
    assert (made[4], made[6]) == ((), (path("real/deep"), path("real/deep/est")))
    assert all(node.exists(name) for name in ("a/b/c", "a/d", "real/deep/est"))
    assert not node.exists("real/new")
    assert node.content("file") == b"precious"
    assert node.session.make_folders_many([]) == []


def test_a_folder_that_cannot_be_made_stops_no_other(real_node):
    path = real_node.path
    names = (path("a/b"), "/proc/nowhere/x/y", "/proc/nowhere/x", path("n\0o"), path("a/c"))
    first, refused, also, nameless, last = real_node.session.make_folders_many(names)
    assert (first, last) == ((path("a"), path("a/b")), (path("a/c"),))
    assert isinstance(refused, NodeError)
    assert "/proc/nowhere" in str(refused)
    assert str(also) == str(refused)
    assert isinstance(nameless, Unsupported)
    assert real_node.exists("a/c")
    with pytest.raises(type(refused)):
        real_node.session.make_folders("/proc/nowhere/x")


def test_folders_of_one_depth_are_made_in_one_round(real_node, monkeypatch):
    waits = []
    ask_many = SftpChannel.ask_many

    def counted(channel, requests):
        waits.append(list(requests))
        return ask_many(channel, waits[-1])

    monkeypatch.setattr(SftpChannel, "ask_many", counted)
    monkeypatch.setattr(SftpChannel, "ask", lambda *_: pytest.fail("one by one"))
    names = [f"a{number % 5}/b{number}/c" for number in range(40)]
    made = real_node.session.make_folders_many([real_node.path(name) for name in names])
    assert all(real_node.exists(name) for name in names)
    assert sum(map(len, made)) == 5 + 40 + 40
    assert len(waits) == 4


def test_remove_folder_takes_empty_ones_only(node):
    node.put("folder/file")
    with pytest.raises(RemoteBusy):
        node.session.remove_folder(node.path("folder"))
    node.session.remove_many([node.path("folder/file")])
    node.session.remove_folder(node.path("folder"))
    node.session.remove_folder(node.path("folder"))
    assert not node.exists("folder")


def test_free_space_tells_bytes_of_the_volume(node):
    space = node.session.free_space(node.root)
    assert 0 < space.free <= space.total
    with pytest.raises(RemoteFileMissing):
        node.session.free_space(node.path("nothing"))


def test_the_login_has_a_home_folder(node):
    home = node.session.home()
    assert home.startswith("/")
    if node.kind != "fake":
        assert node.session.stat(home).kind is FileKind.FOLDER
