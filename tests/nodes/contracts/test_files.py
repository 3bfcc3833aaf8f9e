"""Reading and writing single files."""

from __future__ import annotations

import hashlib
import tracemalloc
from itertools import islice

import pytest

from nodes.errors import ChangedWhileRead, FileTooLarge, RemoteDenied, RemoteFileExists, RemoteFileMissing, Unsupported
from nodes.remote.session import FileKind, Written

MIB = 1024 * 1024
BIG = 50 * MIB
CONSTANT_MEMORY = 12 * MIB


class Cancelled(Exception):
    pass


@pytest.mark.parametrize("size", [0, 1, 32 * 1024 - 1, 32 * 1024, 32 * 1024 + 1, 3 * MIB + 7])
def test_write_new_then_read_gives_the_same_bytes(node, size):
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    written = node.session.write_new(node.path("a"), [data])
    assert written == Written(size, hashlib.sha256(data).hexdigest())
    assert node.content("a") == data
    assert node.read("a") == data


def test_write_new_takes_chunks_of_any_size(node):
    chunks = [b"", b"a", b"b" * 100_000, b"", b"c" * 5]
    assert node.session.write_new(node.path("a"), iter(chunks)).size == 100_006
    assert node.content("a") == b"".join(chunks)


def test_write_new_tells_progress_in_bytes(node):
    told: list[int] = []
    node.session.write_new(node.path("a"), [b"x" * 70_000], progress=told.append)
    assert sum(told) == 70_000
    told.clear()
    assert len(b"".join(node.session.read(node.path("a"), progress=told.append, most=1 << 30))) == 70_000
    assert sum(told) == 70_000


def test_no_more_of_a_file_is_given_than_was_asked_for(node):
    path, got = node.put("a", b"x" * 100_000), 0
    assert len(b"".join(node.session.read(path, most=100_000))) == 100_000
    with pytest.raises(FileTooLarge):
        for chunk in node.session.read(path, most=99_999):
            got += len(chunk)
    assert got < 100_000


def test_write_new_refuses_an_existing_name_and_leaves_it(node):
    node.put("a", b"precious")
    with pytest.raises(RemoteFileExists):
        node.session.write_new(node.path("a"), [b"other"])
    assert node.content("a") == b"precious"


def test_write_new_does_not_write_through_a_link(node):
    node.put("target", b"precious")
    node.files.put_link(node.path("link"), node.path("target"))
    with pytest.raises(RemoteFileExists):
        node.session.write_new(node.path("link"), [b"other"])
    assert node.content("target") == b"precious"


def test_write_new_into_a_missing_folder_says_so(node):
    with pytest.raises(RemoteFileMissing):
        node.session.write_new(node.path("no/a"), [b"x"])


def test_write_new_cancelled_removes_the_partial_file(node):
    def cancel(_: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        node.session.write_new(node.path("a"), [b"x" * MIB] * 3, progress=cancel)
    assert not node.exists("a")
    assert node.session.write_new(node.path("a"), [b"again"]).size == 5


def test_write_new_removes_the_partial_file_when_the_source_breaks(node):
    def chunks():
        yield b"x" * MIB
        raise Cancelled

    with pytest.raises(Cancelled):
        node.session.write_new(node.path("a"), chunks())
    assert not node.exists("a")


def test_read_of_nothing_says_missing(node):
    with pytest.raises(RemoteFileMissing):
        node.read("nothing")


def test_read_of_a_folder_is_refused(node):
    node.session.make_folders(node.path("folder"))
    with pytest.raises(RemoteDenied):
        node.read("folder")


def test_read_notices_growth(node):
    node.put("a", b"x" * MIB)
    reading = node.session.read(node.path("a"), most=1 << 30)
    next(reading)
    node.put("a", b"y" * (MIB + 1))
    with pytest.raises(ChangedWhileRead):
        list(reading)


def test_read_notices_shrinking(node):
    node.put("a", b"x" * 4 * MIB)
    reading = node.session.read(node.path("a"), most=1 << 30)
    next(reading)
    node.put("a", b"y")
    with pytest.raises(ChangedWhileRead):
        list(reading)


def test_read_notices_another_time(node):
    node.put("a", b"x" * MIB)
    reading = node.session.read(node.path("a"), most=1 << 30)
    next(reading)
    node.session.set_mtime_many([(node.path("a"), 1_000_000_000 * 10**9)])
    with pytest.raises(ChangedWhileRead):
        list(reading)


def test_read_notices_removal(node):
    node.put("a", b"x" * MIB)
    reading = node.session.read(node.path("a"), most=1 << 30)
    next(reading)
    node.session.remove_many([node.path("a")])
    with pytest.raises((ChangedWhileRead, RemoteFileMissing)):
        list(reading)


def test_read_given_up_leaves_the_session_usable(node):
    node.put("a", b"x" * 4 * MIB)
    reading = node.session.read(node.path("a"), most=1 << 30)
    list(islice(reading, 2))
    reading.close()
    assert node.session.stat(node.path("a")).size == 4 * MIB
    assert len(node.read("a")) == 4 * MIB


def test_a_file_is_copied_within_one_session(node):
    """Reading and writing take turns on one channel."""
    node.put("a", bytes(range(256)) * 8192)
    node.session.write_new(node.path("b"), node.session.read(node.path("a"), most=1 << 30))
    assert node.content("b") == node.content("a")


def test_stat_does_not_follow_links(node):
    node.put("a", b"abc")
    node.files.put_link(node.path("link"), node.path("a"))
    assert node.session.stat(node.path("link")).kind is FileKind.LINK
    found = node.session.stat(node.path("a"))
    assert (found.kind, found.size) == (FileKind.FILE, 3)
    assert found.mtime_ns == node.files.seconds(node.path("a")) * 10**9
    assert node.session.stat(node.root).kind is FileKind.FOLDER
    assert node.session.stat(node.path("nothing")) is None
    assert node.session.stat(node.path("no/thing")) is None


@pytest.mark.parametrize("name", ["with\0nul", "lone\udcff"])
def test_unspeakable_names_are_refused_before_anything_is_sent(node, name):
    node.put("with", b"precious")
    with pytest.raises(Unsupported):
        node.session.stat(node.path(name))
    with pytest.raises(Unsupported):
        node.session.write_new(node.path(name), [b"x"])
    assert [type(outcome) for outcome in node.session.remove_many([node.path(name), node.path("gone")])] == [
        Unsupported,
        type(None),
    ]
    assert node.content("with") == b"precious"


def test_a_relative_path_is_a_mistake_of_the_caller(node):
    with pytest.raises(ValueError, match="starts with /"):
        node.session.stat("relative/path")


def _big_chunks():
    block = bytes(range(256)) * 4096
    yield from (block for _ in range(BIG // MIB))


def test_50_mb_pass_in_constant_memory(real_node):
    tracemalloc.start()
    try:
        written = real_node.session.write_new(real_node.path("big"), _big_chunks())
        digest, size = hashlib.sha256(), 0
        for chunk in real_node.session.read(real_node.path("big"), most=1 << 30):
            digest.update(chunk)
            size += len(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == written.size == BIG
    assert digest.hexdigest() == written.sha256
    assert peak < CONSTANT_MEMORY
