"""What waits in a node's queues is counted without following links, without trusting names, in constant memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence

import pytest

from nodes.connection.connect import NodeLink
from nodes.errors import RemoteFileMissing
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.products.loading import load_profile
from nodes.queues import look
from nodes.queues.core.tally import MOST_QUEUES, Tally
from nodes.queues.look import count_queues
from nodes.remote.session import FileKind, RemoteEntry, RemoteStat
from nodes.temp_names import Moving, MovingName, moving_name
from tests.fakes.node import FakeDisk, FakeSession

ROOT = "/srv/md/Queues"
SECOND = 10**9
PROFILE = load_profile("mdaemon")


def link_to(session: object) -> NodeLink:
    return NodeLink(session, platform_named("posix"), "/srv/md", Capabilities(), 1, "mx1")  # type: ignore[arg-type]


def count(disk: FakeDisk) -> Tally:
    return count_queues(link_to(FakeSession(disk)), ROOT, PROFILE)


def test_messages_are_counted_by_queue_with_bytes_and_the_oldest():
    disk = FakeDisk()
    disk.put_folder(f"{ROOT}/Bad")
    disk.put(f"{ROOT}/Local/md1.msg", b"abc", mtime_ns=7 * SECOND)
    disk.put(f"{ROOT}/Local/md2.msg", b"de", mtime_ns=5 * SECOND)
    disk.put(f"{ROOT}/Remote/Retry/md3.msg", b"x", mtime_ns=9 * SECOND)
    disk.put(f"{ROOT}/odd.raw", b"", mtime_ns=3 * SECOND)
    tally = count(disk)
    assert [(one.queue, one.messages, one.size, one.oldest_ns) for one in tally.queues] == [
        ("", 1, 0, 3 * SECOND),
        ("Bad", 0, 0, None),
        ("Local", 2, 5, 5 * SECOND),
        ("Remote", 0, 0, None),
        ("Remote/Retry", 1, 1, 9 * SECOND),
    ]
    assert (tally.messages, tally.size, tally.is_empty) == (4, 6, False)
    assert tally.by_queue == {"": 1, "Local": 2, "Remote/Retry": 1}


def test_what_is_no_message_is_not_counted():
    disk = FakeDisk()
    claimed, copied = MovingName(Moving.CLAIMED, "", "md9.msg"), MovingName(Moving.COPIED, "1.2.3", "md8.msg")
    copy, mark = MovingName(Moving.COPY, "1.2.3", "md7.msg"), MovingName(Moving.MARK, "1.2.3", "")
    no_messages = ("RELOADCACHE.SEM", "md1.lck", "md1.LOCK", "new.tmp", "md1.msg~", ".cp~12.3s0", str(copy), str(mark))
    for name in (*no_messages, str(claimed), str(copied)):
        disk.put(f"{ROOT}/Local/{name}", b"x")
    disk.put("/elsewhere/md1.msg", b"x")
    disk.put_link(f"{ROOT}/Local/link.msg", "/elsewhere/md1.msg")
    disk.put_link(f"{ROOT}/Linked", "/elsewhere")
    tally = count(disk)
    assert tally.by_queue == {"Local": 2}
    assert "Linked" not in {one.queue for one in tally.queues}


def test_empty_is_only_what_was_seen_to_be_empty():
    disk = FakeDisk()
    disk.put_folder(f"{ROOT}/Local")
    assert count(disk).is_empty
    disk.put_folder(f"{ROOT}/Hidden")
    disk.denied.add(f"{ROOT}/Hidden")
    assert (count(disk).unread, count(disk).is_empty) == (("Hidden",), False)
    with pytest.raises(RemoteFileMissing):
        count_queues(link_to(FakeSession(FakeDisk())), ROOT, PROFILE)


def test_hostile_names_and_deep_trees_are_bounded(monkeypatch):
    disk = FakeDisk()
    disk.put(f"{ROOT}/Lo\tcal\u202e/md\n1.msg", b"x")
    disk.put(f"{ROOT}/Local/md\udcff.msg", b"x")
    disk.put(f"{ROOT}/bad\udcff/md1.msg", b"x")
    disk.put(f"{ROOT}/{'/'.join('d' * 60)}/md1.msg", b"x")
    tally = count(disk)
    assert tally.by_queue == {"Lo\tcal\u202e": 1, "Local": 1}
    assert sorted(tally.unread) == ["bad\\xff", "/".join("d" * (look.DEEPEST + 1))]
    monkeypatch.setattr(look, "MOST_FOLDERS", 10)
    assert count(disk).more


def test_the_messages_of_too_many_folders_count_in_the_one_above():
    disk = FakeDisk()
    for number in range(MOST_QUEUES + 50):
        disk.put(f"{ROOT}/Remote/q{number:03}/md1.msg", b"x")
    tally = count(disk)
    assert (len(tally.queues), tally.messages) == (MOST_QUEUES, MOST_QUEUES + 50)


class Endless:
    """Says that a folder holds so many messages."""

    def __init__(self, messages: int) -> None:
        self.messages = messages

    def entries(self, path: str, progress: object = None) -> Iterator[Sequence[RemoteEntry]]:
        stat = RemoteStat(FileKind.FILE, 10, 5 * SECOND)
        for start in range(0, self.messages, 100):
            yield [RemoteEntry(f"md{start + number}.msg", stat) for number in range(100)]


def test_a_large_queue_takes_no_memory():
    count_queues(link_to(Endless(1_000)), ROOT, PROFILE)
    tracemalloc.start()
    tally = count_queues(link_to(Endless(20_000)), ROOT, PROFILE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tally.messages, tally.size, tally.more) == (20_000, 200_000, False)
    assert peak < 600 * 1024  # thirty bytes a message: a list of their names alone takes more than twice that


def test_past_the_bound_it_is_said_that_there_is_more(monkeypatch):
    monkeypatch.setattr(look, "MOST_ENTRIES", 1_000)
    tally = count_queues(link_to(Endless(10_000)), ROOT, PROFILE)
    assert (tally.messages, tally.more) == (1_100, True)


@pytest.mark.parametrize(
    "said",
    [
        MovingName(Moving.CLAIMED, "", "md1.msg"),
        MovingName(Moving.COPIED, "1.22.3", "a-b.cpq"),
        MovingName(Moving.COPY, "1.22.3", "line\nend-"),
        MovingName(Moving.MARK, "1.22.3", ""),
    ],
)
def test_the_names_of_a_move_are_told_from_others(said):
    assert moving_name(str(said)) == said
    assert moving_name(f"{said}x") is None
    assert moving_name(str(said).replace("queue-", "queue-x")) is None
    assert len(str(said)) <= len(said.name) + 40
