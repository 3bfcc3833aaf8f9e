"""Bundles: real tar unpacks them, memory stays flat, bytes repeat."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
import time
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replication.files.core import bundle as bundle_module
from replication.files.core.bundle import Member, WrongSize, bundle
from tests.tools import tool

MIB = 1024 * 1024
CONTENTS = [b"", b"x", b"y" * 511, b"z" * 512, b"w" * 513, bytes(range(256)) * 9000]


def _member(name: object, content: bytes, *, mtime: int = 0, piece: int = 1000) -> Member:
    return Member(str(name), len(content), [content[at : at + piece] for at in range(0, len(content), piece)], mtime)


def _members(contents: Iterable[bytes], *, piece: int = 1000) -> list[Member]:
    return [_member(number, content, piece=piece) for number, content in enumerate(contents)]


def _unpack(stream, folder):
    folder.mkdir()
    # tar also mentions times before 1970 and in the future; it sets them all the same
    assert tool("gzip")  # tar starts it
    subprocess.run([tool("tar"), "-xzf", "-", "-C", folder], input=b"".join(stream), check=True, capture_output=True)


@pytest.mark.parametrize("level", [1, 6])
def test_tar_unpacks_what_was_bundled(tmp_path, level):
    _unpack(bundle(_members(CONTENTS), level=level), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [str(n) for n in range(len(CONTENTS))]
    assert [(tmp_path / "out" / str(n)).read_bytes() for n in range(len(CONTENTS))] == CONTENTS


def test_nothing_bundled_is_an_archive_too(tmp_path):
    _unpack(bundle([]), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


MOMENTS = [0, 1, 1_700_000_000, 2**32 - 1]


def test_times_are_kept(tmp_path):
    _unpack(bundle([_member(moment, b"x", mtime=moment) for moment in MOMENTS]), tmp_path / "out")
    assert [(tmp_path / "out" / str(moment)).stat().st_mtime for moment in MOMENTS] == MOMENTS


NAMES = [
    "t0/App/-x y.dat",
    "t0/App/new\nline\\ \t*?'\".dat",
    "t0/\u65e5\u672c\u8a9e/a\u0308.dat",
    "t0/" + "d" * 96 + "/x",
    "n" * 100,
    "n" * 101,
    "/".join(["\u00e4" * 127] * 8),
]


def test_any_name_arrives_as_it_is(tmp_path):
    _unpack(bundle([_member(name, name.encode()) for name in NAMES]), tmp_path / "out")
    found = {
        str(path.relative_to(tmp_path / "out")): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert found == {name: name.encode() for name in NAMES}


def test_sizes_beyond_eight_gigabytes_are_spelled(tmp_path):
    header = next(bundle_module._tar([Member("large", 2**35 + 7, [])]))
    assert tarfile.TarInfo.frombuf(header, "utf-8", "strict").size == 2**35 + 7


def test_thousands_of_members(tmp_path):
    _unpack(bundle(_member(n, str(n).encode()) for n in range(3000)), tmp_path / "out")
    assert all((tmp_path / "out" / str(n)).read_bytes() == str(n).encode() for n in range(3000))


@settings(max_examples=25)
@given(st.lists(st.binary(max_size=2000), max_size=6), st.integers(1, 700))
def test_bytes_repeat_whenever_and_however_they_were_cut(contents, piece):
    first = b"".join(bundle(_members(contents)))
    assert first == b"".join(bundle(_members(contents, piece=piece)))


def test_the_hour_does_not_show(monkeypatch):
    first = b"".join(bundle([_member("x", b"x")]))
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert first == b"".join(bundle([_member("x", b"x")]))


def test_memory_stays_flat():
    block = hashlib.sha256(b"seed").digest() * (64 * 1024 // 32)
    members = [Member("x", 128 * MIB, (block for _ in range(2048)))]
    tracemalloc.start()
    total = sum(len(piece) for piece in bundle(members))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total > 0
    assert peak < 4 * MIB


@pytest.mark.parametrize(("size", "word"), [(2, "more"), (4, "fewer")])
def test_a_member_of_another_size_stops_the_stream(size, word):
    with pytest.raises(WrongSize, match=f"x delivered {word} bytes than the {size}"):
        list(bundle([Member("x", size, [b"abc"])]))


@pytest.mark.parametrize("level", [0, 7, -1])
def test_other_levels_are_refused(level):
    with pytest.raises(ValueError, match="1 to 6"):
        list(bundle([], level=level))
