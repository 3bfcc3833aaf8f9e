"""A message goes from one queue to another exactly once, whoever dies after whichever request, and although a mail
server takes what it sees at once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pytest

from nodes.connection.connect import NodeLink
from nodes.errors import RemoteFileMissing, SessionLost
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.products.loading import load_profile
from nodes.queues.look import count_queues
from nodes.temp_names import PREFIX, Moving, MovingName
from replication.shared_paths.core.queue_moves import FromTo, free_name, is_used
from replication.shared_paths.drain_job import moving
from replication.shared_paths.drain_job.moving import Mover
from replication.shared_paths.drain_job.places import Way
from tests.fakes.node import FakeDisk, FakeSession

SOURCE, TARGET = "/srv/md/Queues", "/mnt/mail/Queues"
PROFILE = load_profile("mdaemon")
OLD = time.time_ns() - 3600 * 10**9
NODE = 7

CHANGING = ("write_new", "make_folders", "move_many", "remove_many", "set_mtime_many")


class Free:
    """A lease that nobody takes away."""

    fence = 1

    def check(self) -> None:
        pass

    def progress(self, **_: Any) -> None:
        pass

    def boundary(self, name: str) -> None:
        pass


class Mortal(FakeSession):
    """A session whose owner dies around its `dies_at`th change, `before` it is done or after. `after_each` is what
    others do after each change that was done."""

    def __init__(self, disk: FakeDisk, dies_at: int = 10**9, *, before: bool = False) -> None:
        super().__init__(disk)
        self.changes, self.dies_at, self.before = 0, dies_at, before
        self.after_each: Callable[[], None] = lambda: None

    def _each(self, items: Sequence[Any], act: Callable[[Any], None]) -> list[Any]:
        each = super()._each
        return [self._one(partial(each, [item], act))[0] for item in items]

    def write_new(self, path: str, chunks: Any, *, progress: Any = None) -> Any:
        return self._one(lambda: FakeSession.write_new(self, path, chunks, progress=progress))

    def _one(self, act: Callable[[], Any]) -> Any:
        self.changes += 1
        if self.changes == self.dies_at and self.before:
            raise SessionLost()
        done = act()
        self.after_each()
        if self.changes == self.dies_at:
            raise SessionLost()
        return done


class Server:
    """A mail server of the other nodes: it delivers whatever it sees in the shared queues, at once."""

    def __init__(self, disk: FakeDisk) -> None:
        self.disk = disk
        self.delivered: Counter[bytes] = Counter()

    def look(self) -> None:
        for path in [path for path in self.disk.names if path.startswith(TARGET) and path.endswith(".msg")]:
            self.delivered[self.disk.content(path)] += 1
            del self.disk.names[path]


def messages(disk: FakeDisk, count: int = 3) -> Mapping[bytes, int]:
    for number in range(count):
        disk.put(f"{SOURCE}/Local/md{number}.msg", b"local %d" % number, mtime_ns=OLD)
    disk.put(f"{SOURCE}/Remote/Retry/md0.msg", b"retry" * 20_000, mtime_ns=OLD)
    disk.put_folder(TARGET)
    return Counter({b"local %d" % number: 1 for number in range(count)} | {b"retry" * 20_000: 1})


def move(session: FakeSession, fence: int, lease: Free | None = None) -> Mover:
    link = NodeLink(session, platform_named("posix"), "/srv/md", Capabilities(), NODE, "mx1")
    way = Way(SOURCE, TARGET, FromTo(SOURCE, TARGET), 0)
    mover = Mover(link, way, PROFILE, lease or Free(), f"{NODE}.1.{fence}")  # type: ignore[arg-type]
    if count_queues(link, SOURCE, PROFILE).messages:
        mover.mark()
    mover.run()
    if not mover.on_its_way:
        mover.unmark()
    return mover


def own_names(disk: FakeDisk) -> list[str]:
    return [path for path in disk.names if PREFIX in path]


def whole_run() -> int:
    disk = FakeDisk()
    session = Mortal(disk)
    messages(disk)
    move(session, 1)
    return session.changes


@pytest.mark.parametrize("served", [True, False], ids=["taken at once", "left there"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_death_at_any_change_moves_each_message_exactly_once(before: bool, served: bool) -> None:
    for dies_at in range(1, whole_run() + 1):
        disk = FakeDisk()
        wanted, server = messages(disk), Server(disk)
        for fence, death in enumerate((dies_at, max(1, dies_at // 2), 10**9), 1):
            session = Mortal(disk, death, before=before)
            session.after_each = server.look if served else session.after_each
            try:
                move(session, fence)
            except SessionLost:
                continue
        server.look()
        assert server.delivered == wanted, (dies_at, before)
        assert own_names(disk) == [], dies_at


def test_the_folder_of_a_queue_and_the_time_of_a_message_are_kept() -> None:
    disk = FakeDisk()
    messages(disk)
    mover = move(FakeSession(disk), 1)
    assert (mover.moved.messages, mover.moved.waits, mover.moved.stuck) == (4, 0, [])
    assert mover.moved.size == 3 * 7 + 100_000
    assert disk.content(f"{TARGET}/Remote/Retry/md0.msg") == b"retry" * 20_000
    assert disk.names[f"{TARGET}/Local/md1.msg"].mtime_ns == OLD // 10**9 * 10**9


def test_a_name_that_is_taken_is_never_replaced() -> None:
    disk = FakeDisk()
    messages(disk)
    disk.put(f"{TARGET}/Local/md0.msg", b"another", mtime_ns=OLD)
    disk.put(f"{TARGET}/Local/md0-n7.msg", b"yet another", mtime_ns=OLD)
    disk.put(f"{TARGET}/Local/md1.msg", b"local 1", mtime_ns=OLD // 10**9 * 10**9)  # somebody copied it by hand
    mover = move(FakeSession(disk), 1)
    assert disk.content(f"{TARGET}/Local/md0.msg") == b"another"
    assert disk.content(f"{TARGET}/Local/md0-n7.msg") == b"yet another"
    assert disk.content(f"{TARGET}/Local/md0-n7-1.msg") == b"local 0"
    assert mover.moved.renamed == ["md0.msg is md0-n7-1.msg now"]
    assert [path for path in disk.names if "md1" in path] == [f"{TARGET}/Local/md1.msg"]
    assert own_names(disk) == []


def test_what_was_just_written_waits_and_what_is_no_message_stays() -> None:
    disk = FakeDisk()
    messages(disk, 1)
    disk.put(f"{SOURCE}/Local/new.msg", b"half")
    disk.put(f"{SOURCE}/Local/md9.lck", b"", mtime_ns=OLD)
    disk.put_link(f"{SOURCE}/Local/link.msg", "/etc/passwd")
    mover = move(FakeSession(disk), 1)
    assert (mover.moved.messages, mover.moved.waits) == (2, 1)
    left = sorted(path.rpartition("/")[2] for path in disk.names if path.startswith(f"{SOURCE}/Local/"))
    assert left == ["link.msg", "md9.lck", "new.msg"]


@pytest.mark.parametrize("content", [b"first half", b"first half" * 20_000], ids=["small", "large"])
def test_a_message_that_its_writer_goes_on_with_is_copied_anew(content: bytes) -> None:
    """Where a file may be renamed while it is open, a writer that paused is not seen before."""
    disk = FakeDisk()
    disk.put(f"{SOURCE}/Local/md0.msg", content, mtime_ns=OLD)
    disk.put_folder(TARGET)
    held = f"{SOURCE}/Local/{MovingName(Moving.CLAIMED, '', 'md0.msg')}"

    class Grows(Free):
        def boundary(self, name: str) -> None:
            if name == "queue-copied" and held in disk.names:
                disk.names[held].data += b"second half"
                disk.names[held].mtime_ns = time.time_ns()

    first = move(FakeSession(disk), 1, Grows())
    assert (first.moved.messages, first.moved.waits, first.on_its_way) == (0, 1, True)
    assert move(FakeSession(disk), 2).moved.waits == 1, "it was written to a moment ago"
    disk.names[held].mtime_ns = OLD
    assert move(FakeSession(disk), 3).moved.messages == 1
    assert disk.content(f"{TARGET}/Local/md0.msg") == content + b"second half"
    assert own_names(disk) == []


def test_of_a_folder_that_is_another_one_now_nothing_is_believed() -> None:
    """The share is not mounted: the copy is not there, and neither is the mark."""
    disk = FakeDisk()
    disk.put_folder(TARGET)
    copied = f"{SOURCE}/Local/{MovingName(Moving.COPIED, '7.1.1', 'md1.msg')}"
    disk.put(copied, b"only here", mtime_ns=OLD)
    mover = move(FakeSession(disk), 2)
    assert disk.content(copied) == b"only here"
    assert len(mover.moved.stuck) == 1
    assert "may be another folder now" in mover.moved.stuck[0]
    disk.put(f"{TARGET}/{MovingName(Moving.MARK, '7.1.1', '')}", b"")  # mounted again: the copy had got its name
    move(FakeSession(disk), 3)
    assert own_names(disk) == []


def test_a_share_that_is_unmounted_meanwhile_gets_no_more(monkeypatch) -> None:
    monkeypatch.setattr(moving, "BATCH", 3)
    disk = FakeDisk()
    messages(disk, 20)

    class Unmounts(Free):
        def boundary(self, name: str) -> None:
            if name == "queue-cleaned":
                for path in [path for path in disk.names if path.startswith(f"{TARGET}/")]:
                    del disk.names[path]

    link = NodeLink(FakeSession(disk), platform_named("posix"), "/srv/md", Capabilities(), NODE, "mx1")
    mover = Mover(link, Way(SOURCE, TARGET, FromTo(SOURCE, TARGET), 0), PROFILE, Unmounts(), "7.1.1")  # type: ignore[arg-type]
    with pytest.raises(RemoteFileMissing):
        mover.run()
    assert mover.moved.messages <= 3
    assert [path for path in disk.names if path.startswith(f"{TARGET}/")] == [], "the disk below the mount point"


def test_a_message_that_comes_under_the_name_of_one_on_its_way_harms_neither() -> None:
    disk = FakeDisk()
    messages(disk, 1)
    server = Server(disk)
    session = Mortal(disk)

    def meanwhile() -> None:
        server.look()
        if (
            f"{SOURCE}/Local/{MovingName(Moving.CLAIMED, '', 'md0.msg')}" in disk.names
            and server.delivered[b"second"] == 0
        ):
            disk.put(f"{SOURCE}/Local/md0.msg", b"second", mtime_ns=OLD)

    session.after_each = meanwhile
    for fence in (1, 2, 3):
        move(session, fence)
    server.look()
    assert server.delivered[b"local 0"] == 1
    assert server.delivered[b"second"] >= 1
    assert own_names(disk) == []


def test_a_folder_with_many_messages_goes_batch_by_batch(monkeypatch) -> None:
    monkeypatch.setattr(moving, "BATCH", 3)
    disk = FakeDisk()
    wanted, server = messages(disk, 20), Server(disk)
    move(FakeSession(disk), 1)
    server.look()
    assert server.delivered == wanted


@pytest.mark.parametrize(
    ("name", "number", "free"),
    [("md1.msg", 0, "md1-n7.msg"), ("md1.msg", 2, "md1-n7-2.msg"), ("odd", 0, "odd-n7"), (".x", 1, ".x-n7-1")],
)
def test_another_name_keeps_its_ending(name: str, number: int, free: str) -> None:
    assert free_name(name, NODE, number) == free


def test_a_queue_that_is_still_named_stays_with_what_lies_below_it() -> None:
    used = ("Raw",)
    assert [is_used(one, used) for one in ("raw", "Raw/deep", "RawOther", "")] == [True, True, False, False]
