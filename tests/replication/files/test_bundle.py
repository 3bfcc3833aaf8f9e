"""Bundles: real tar unpacks them, memory stays flat, bytes repeat."""

from __future__ import annotations

import hashlib
import subprocess
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replication.files.core.bundle import Member, WrongSize, bundle
from tests.tools import tool

MIB = 1024 * 1024
CONTENTS = [b"", b"x", b"y" * 511, b"z" * 512, b"w" * 513, bytes(range(256)) * 9000]


def _member(content: bytes, *, mtime_ns: int = 0, piece: int = 1000) -> Member:
    return Member(len(content), [content[at : at + piece] for at in range(0, len(content), piece)], mtime_ns)


def _unpack(stream, folder):
    folder.mkdir()
    # tar also mentions times before 1970 and in the future; it sets them all the same
    assert tool("gzip")  # tar starts it
    subprocess.run([tool("tar"), "-xzf", "-", "-C", folder], input=b"".join(stream), check=True, capture_output=True)


@pytest.mark.parametrize("level", [1, 6])
def test_tar_unpacks_what_was_bundled(tmp_path, level):
    _unpack(bundle([_member(content) for content in CONTENTS], level=level), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [str(n) for n in range(len(CONTENTS))]
    assert [(tmp_path / "out" / str(n)).read_bytes() for n in range(len(CONTENTS))] == CONTENTS


def test_nothing_bundled_is_an_archive_too(tmp_path):
    _unpack(bundle([]), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


MOMENTS = [0, 1_700_000_000_000_000_000, 1_700_000_000_123_456_789, -5_500_000_000, 1, 4_294_967_296_000_000_001]


def test_times_are_kept_to_the_nanosecond(tmp_path):
    _unpack(bundle([_member(b"x", mtime_ns=moment) for moment in MOMENTS]), tmp_path / "out")
    assert [(tmp_path / "out" / str(n)).stat().st_mtime_ns for n in range(len(MOMENTS))] == MOMENTS


def test_thousands_of_members(tmp_path):
    _unpack(bundle(_member(str(n).encode()) for n in range(3000)), tmp_path / "out")
    assert all((tmp_path / "out" / str(n)).read_bytes() == str(n).encode() for n in range(3000))


@settings(max_examples=25)
@given(st.lists(st.binary(max_size=2000), max_size=6), st.integers(1, 700))
def test_bytes_repeat_whenever_and_however_they_were_cut(contents, piece):
    first = b"".join(bundle([_member(content) for content in contents]))
    assert first == b"".join(bundle([_member(content, piece=piece) for content in contents]))


def test_the_hour_does_not_show(monkeypatch):
    first = b"".join(bundle([_member(b"x")]))
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert first == b"".join(bundle([_member(b"x")]))


def test_memory_stays_flat():
    block = hashlib.sha256(b"seed").digest() * (64 * 1024 // 32)
    members = [Member(128 * MIB, (block for _ in range(2048)))]
    tracemalloc.start()
    total = sum(len(piece) for piece in bundle(members))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total > 0
    assert peak < 4 * MIB


@pytest.mark.parametrize(("size", "word"), [(2, "more"), (4, "fewer")])
def test_a_member_of_another_size_stops_the_stream(size, word):
    with pytest.raises(WrongSize, match=f"member 0 delivered {word} bytes than the {size}"):
        list(bundle([Member(size, [b"abc"])]))


@pytest.mark.parametrize("level", [0, 7, -1])
def test_other_levels_are_refused(level):
    with pytest.raises(ValueError, match="1 to 6"):
        list(bundle([], level=level))
