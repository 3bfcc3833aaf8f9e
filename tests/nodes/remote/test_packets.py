"""SFTP answers from a server that lies: bounded, refused in our words, never a crash."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.errors import NodeError, OutputUnreadable, Unsupported
from nodes.remote.chunking import cut, pieces
from nodes.remote.packets import Kind, Reply, extensions_in, string


@given(st.sampled_from(list(Kind)), st.binary(max_size=200))
def test_any_answer_is_read_or_refused(kind, body):
    reply = Reply(kind, body)
    for read in (reply.handle, reply.stat, reply.space, lambda: reply.entries("/f"), lambda: reply.status):
        try:
            read()
        except NodeError as error:
            assert isinstance(error, OutputUnreadable)


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
