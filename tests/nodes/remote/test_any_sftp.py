"""Whatever a file service answers, each verb ends: with a value, or with an error of ours."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.errors import LimitBroken, NodeError
from nodes.remote import sftp
from nodes.remote.limits import Limits
from nodes.remote.packets import Kind, Status, string
from nodes.remote.ssh import SshSession
from nodes.remote.walk import walk
from tests.any_input import few, size_of
from tests.steps import steps

LIMITS = Limits(names=200, listing_bytes=20_000)
MOST = 5_000

BODIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(list(Status)).map(lambda status: struct.pack(">I", status) + string(b"") + string(b"")),
    st.binary(max_size=8).map(string),
    st.integers(0, 70_000).map(lambda size: string(b"x" * size)),
    st.builds(
        lambda size, mode, extra: struct.pack(">IQII", 0x8000000D, size, mode, 0) + struct.pack(">I", 0) + extra,
        st.sampled_from([0, 1, 40_000, 2**40, 2**64 - 1]),
        st.sampled_from([0o100644, 0o040755, 0o120777, 0, 0xFFFFFFFF]),
        st.binary(max_size=8),
    ),
    st.lists(
        st.sampled_from([b"a", b"a", b"A", b".", b"..", b"a/b", b"", b"\0", b"\xff", b"\x1b[2J", b"n" * 2000])
        .map(lambda name: string(name) + string(b"") + bytes(4)),
        max_size=5,
    ).map(lambda names: struct.pack(">I", len(names)) + b"".join(names)),
    st.just(struct.pack(">8Q", *[2**63] * 8)),
)  # fmt: skip
KINDS = st.sampled_from([Kind.STATUS, Kind.HANDLE, Kind.DATA, Kind.NAME, Kind.ATTRS, Kind.EXTENDED_REPLY, 0, 255])
FITTING = {
    Kind.OPEN: Kind.HANDLE,
    Kind.OPENDIR: Kind.HANDLE,
    Kind.READ: Kind.DATA,
    Kind.READDIR: Kind.NAME,
    Kind.LSTAT: Kind.ATTRS,
    Kind.FSTAT: Kind.ATTRS,
    Kind.REALPATH: Kind.NAME,
}


class Service:
    """The other end of a channel: answers each request by what it is told."""

    out_max_packet_size = 32 * 1024
    closed = eof_received = False

    def __init__(self, answer: Callable[[int, int], bytes]) -> None:
        self._answer = answer
        self._asked = self._said = b""
        self.answers = 0

    def send(self, data: bytes) -> int:
        self._asked += data
        while len(self._asked) >= 4 and len(self._asked) >= 4 + (size := int.from_bytes(self._asked[:4], "big")):
            request, self._asked = self._asked[4 : 4 + size], self._asked[4 + size :]
            self._said += self._first() if request[0] == Kind.INIT else self._one(request)
        return len(data)

    def _first(self) -> bytes:
        names = (b"hardlink@openssh.com", b"posix-rename@openssh.com", b"statvfs@openssh.com", b"fsync@openssh.com")
        return packet(Kind.VERSION, struct.pack(">I", 3) + b"".join(string(name) + string(b"1") for name in names))

    def _one(self, request: bytes) -> bytes:
        self.answers += 1
        return self._answer(request[0], int.from_bytes(request[1:5], "big"))

    def recv(self, size: int) -> bytes:
        data, self._said = self._said[:size], self._said[size:]
        return data

    def recv_ready(self) -> bool:
        return bool(self._said)

    def settimeout(self, seconds: float) -> None: ...

    def close(self) -> None:
        self.closed = True


def packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


def answering(data: st.DataObject) -> Callable[[int, int], bytes]:
    """Mostly the number that was asked for and the kind that fits; else anything."""

    def answer(asked: int, number: int) -> bytes:
        how = data.draw(st.integers(0, 11))
        if how == 0:
            return data.draw(st.binary(max_size=30))
        if how == 1:
            return struct.pack(">IBI", data.draw(st.sampled_from([0, 3, 2**31, 2**32 - 1])), Kind.DATA, number)
        said = number if how > 2 else data.draw(st.integers(0, 5))
        kind = FITTING.get(Kind(asked), Kind.STATUS) if how > 4 else data.draw(KINDS)
        return packet(kind, struct.pack(">I", said) + data.draw(BODIES))

    return answer


VERBS: dict[str, Callable[[SshSession], Any]] = {
    "stat": lambda session: session.stat("/a"),
    "home": lambda session: session.home(),
    "list_folder": lambda session: session.list_folder("/a"),
    "entries": lambda session: list(session.entries("/a")),
    "read": lambda session: b"".join(session.read("/a", most=MOST)),
    "write_new": lambda session: session.write_new("/a", [b"x" * 100_000]),
    "make_folders": lambda session: session.make_folders("/a/b/c"),
    "make_folders_many": lambda session: session.make_folders_many(["/a/b", "/a/c"]),
    "remove_folder": lambda session: session.remove_folder("/a"),
    "free_space": lambda session: session.free_space("/a"),
    "stat_many": lambda session: session.stat_many(["/a", "/b", "/c"]),
    "link_many": lambda session: session.link_many([("/a", "/b"), ("/c", "/d")]),
    "replace_many": lambda session: session.replace_many([("/a", "/b"), ("/c", "/d")]),
    "move_many": lambda session: session.move_many([("/a", "/b"), ("/c", "/d")]),
    "read_small": lambda session: session.read_small(["/a", "/b"]),
    "write_new_small": lambda session: session.write_new_small([("/a", b"x"), ("/b", b"")]),
    "remove_many": lambda session: session.remove_many(["/a", "/b"]),
    "set_mtime_many": lambda session: session.set_mtime_many([("/a", 0), ("/b", 2**80)]),
    "walk": lambda session: walk(session, "/a", limits=LIMITS),
}


@pytest.fixture(scope="module", autouse=True)
def _no_ssh() -> Iterable[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sftp, "open_channel", lambda service, _: service)
        patch.setattr(sftp, "request", lambda *_: None)
        yield


def on(service: Service, limits: Limits = LIMITS) -> SshSession:
    return SshSession(cast("Any", service), limits=limits)


def test_every_verb_is_tried() -> None:
    verbs = {name for name in vars(SshSession) if not name.startswith("_")}
    assert verbs - {"run", "usable", "answers", "close", "begin"} == VERBS.keys() - {"walk"}


@pytest.mark.parametrize("verb", VERBS)
@settings(few)
@given(data=st.data())
def test_any_answers_end_each_verb(verb: str, data: st.DataObject) -> None:
    service = Service(answering(data))
    try:
        value = VERBS[verb](on(service))
    except NodeError as error:
        assert len(str(error)) < 1200
    else:
        assert size_of(value) <= 2 * LIMITS.listing_bytes


def _status(number: int, status: int = Status.OK) -> bytes:
    return packet(Kind.STATUS, struct.pack(">II", number, status) + string(b"") + string(b""))


def _entry(name: bytes, mode: int) -> bytes:
    return string(name) + string(b"") + struct.pack(">II", 4, mode)


class Nest:
    """Each folder has a folder of the same name, listed once for each time that it is opened."""

    def __init__(self) -> None:
        self._read = True

    def __call__(self, asked: int, number: int) -> bytes:
        if asked == Kind.OPENDIR:
            self._read = False
            return packet(Kind.HANDLE, struct.pack(">I", number) + string(b"h"))
        if asked != Kind.READDIR or self._read:
            return _status(number, Status.EOF)
        self._read = True
        return packet(Kind.NAME, struct.pack(">II", number, 1) + _entry(b"a", 0o040755))


def test_folders_within_folders_end() -> None:
    service = Service(Nest())
    with pytest.raises(LimitBroken, match=r"names|MiB"):
        walk(on(service), "/a", limits=LIMITS)
    assert service.answers < 2_000
    unlimited = walk(on(Service(Nest())), "/a")
    assert (len(unlimited.files), len(unlimited.unreadable)) == (201, 1)


def _file_of(size: int) -> Callable[[int, int], bytes]:
    attributes = struct.pack(">IQII", 0xD, size, 0o100644, 0) + bytes(4)

    def answer(asked: int, number: int) -> bytes:
        if asked == Kind.OPEN:
            return packet(Kind.HANDLE, struct.pack(">I", number) + string(b"h"))
        if asked == Kind.READ:
            return packet(Kind.DATA, struct.pack(">I", number) + string(b"x"))
        return packet(Kind.ATTRS, struct.pack(">I", number) + attributes)

    return answer


@pytest.mark.parametrize("size", [2**40, 2**64 - 1])
def test_a_file_without_an_end_is_read_no_further_than_was_asked(size: int) -> None:
    service = Service(_file_of(size))
    with pytest.raises(NodeError):
        list(on(service).read("/a", most=MOST))
    assert service.answers < 2 * MOST


def test_a_file_in_pieces_of_a_byte_takes_as_many_steps_as_it_has() -> None:
    counted = [steps(lambda size=size: list(on(Service(_file_of(size))).read("/a", most=size))) for size in (200, 400)]
    assert counted[1] < 2.5 * counted[0]
