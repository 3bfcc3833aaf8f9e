"""SFTP answers from a server that lies: bounded, refused in our words, never a crash."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.errors import NodeError, OutputUnreadable, Unsupported
from nodes.remote.chunking import cut, pieces
from nodes.remote.packets import Kind, Reply, extensions_in, path_bytes, string
from tests.steps import assert_linear


@given(st.sampled_from(list(Kind)), st.binary(max_size=200))
def test_any_answer_is_read_or_refused(kind, body):
    reply = Reply(kind, body)
    for read in (reply.handle, reply.stat, reply.space, lambda: reply.entries("/f"), lambda: reply.status):
        try:
            read()
        except NodeError as error:
            assert isinstance(error, OutputUnreadable)


HUGE = st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1])


@given(st.lists(HUGE, min_size=11, max_size=11))
def test_a_volume_has_no_more_bytes_than_a_database_can_keep(values):
    try:
        space, _ = Reply(Kind.EXTENDED_REPLY, struct.pack(">11Q", *values)).space()
    except OutputUnreadable:
        return
    assert max(space.free, space.total) < 2**63
    assert space.read_only == bool(values[9] & 1)


@given(st.binary(max_size=60), st.integers(0, 3))
def test_any_home_is_a_path_or_refused(name, count):
    body = struct.pack(">I", count) + string(name) + string(b"") + struct.pack(">I", 0)
    try:
        path = Reply(Kind.NAME, body).absolute_path()
    except OutputUnreadable:
        return
    assert path.startswith("/")
    assert "\0" not in path


def test_extensions_that_nobody_knows_are_not_kept():
    many = b"".join(string(b"%d@example" % number) + string(b"1" * 100) for number in range(1000))
    body = struct.pack(">I", 3) + many + string(b"fsync@openssh.com") + string(b"1" * 100_000)
    assert [(name, len(value)) for name, value in extensions_in(body).items()] == [("fsync@openssh.com", 1024)]


def test_a_path_that_no_system_has_is_not_sent():
    path_bytes("/" + "x" * 30_000)
    with pytest.raises(Unsupported, match="longer than any system"):
        path_bytes("/" + "\u20ac" * 20_000)


def test_a_handle_is_no_longer_than_the_protocol_allows():
    assert Reply(Kind.HANDLE, string(b"h" * 256)).handle() == string(b"h" * 256)
    with pytest.raises(OutputUnreadable, match="a handle of 257 bytes"):
        Reply(Kind.HANDLE, string(b"h" * 257)).handle()


def names(size: int) -> bytes:
    one = string(b"name") + string(b"line") + struct.pack(">II", 0x80000000, 1) + string(b"x") + string(b"y")
    return struct.pack(">I", size) + one * size


def extensions(size: int) -> bytes:
    return struct.pack(">I", 3) + (string(b"x") + string(b"y")) * size


def test_twice_the_answer_takes_twice_the_steps():
    assert_linear(lambda body: Reply(Kind.NAME, body).entries("/f"), names)
    assert_linear(extensions_in, extensions)
    assert_linear(
        lambda body: Reply(Kind.ATTRS, body).stat(), lambda size: struct.pack(">II", 0x80000000, size) + bytes(8) * size
    )


@given(st.binary(max_size=100))
def test_any_version_packet_is_read_or_refused(body):
    try:
        extensions_in(body)
    except NodeError as error:
        assert isinstance(error, OutputUnreadable | Unsupported)


def test_version_packet_tells_extensions():
    body = struct.pack(">I", 3) + string(b"fsync@openssh.com") + string(b"1")
    assert extensions_in(body) == {"fsync@openssh.com": "1"}
    with pytest.raises(Unsupported):
        extensions_in(struct.pack(">I", 2))


@pytest.mark.parametrize("name", [b"a/b", b"/etc/passwd", b"", b"a\0b", b"../x"])
def test_impossible_names_are_refused(name):
    body = struct.pack(">I", 1) + string(name) + string(b"") + struct.pack(">I", 0)
    with pytest.raises(OutputUnreadable, match="/f lists an impossible name"):
        Reply(Kind.NAME, body).entries("/f")


def test_a_count_larger_than_the_packet_is_refused_at_once():
    with pytest.raises(OutputUnreadable):
        Reply(Kind.NAME, struct.pack(">I", 0xFFFFFFFF)).entries("/f")


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(1, 20))
def test_pieces_keep_the_bytes_and_the_size(chunks, size):
    made = list(pieces(chunks, size))
    assert b"".join(made) == b"".join(chunks)
    assert all(len(piece) == size for piece in made[:-1])
    assert all(1 <= len(piece) <= size for piece in made[-1:])


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(1, 20))
def test_cut_keeps_the_bytes_below_the_size(chunks, largest):
    made = list(cut(chunks, largest))
    assert b"".join(made) == b"".join(chunks)
    assert all(1 <= len(piece) <= largest for piece in made)
