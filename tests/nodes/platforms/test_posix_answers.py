"""Answers from nodes that are broken or hostile: never guessed at, never a traceback of another kind."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.command import CommandResult
from nodes.errors import NodeError, OutputUnreadable
from nodes.platforms import posix_output
from nodes.platforms.base import Capabilities
from tests.nodes.platforms.shell import POSIX

HASH = "ab" * 32


def record(path: str, kind: str = "f", size: str = "1", stamp: str = "1700000000.1234567890") -> bytes:
    return f"{kind}\t{size}\t{stamp}\t{stamp}\t{path}\0".encode()


def answer(stdout: bytes, stderr: bytes = b"", status: int = 0) -> CommandResult:
    return CommandResult(status, stdout, stderr)


@pytest.mark.parametrize("path", ["../etc/passwd", "/etc/passwd", "a/../../b", "a//b", "./a", "a/.", "..", ".", "a/"])
def test_paths_that_leave_the_tree_are_refused(path: str):
    with pytest.raises(OutputUnreadable):
        POSIX.parse_list_tree(answer(record("fine") + record(path)))


@pytest.mark.parametrize("path", ["..a", "a..", "a/..b", "...", ".a", "a/.b.", "a\t/b", "a/\n..x"])
def test_paths_that_only_look_odd_are_kept(path: str):
    assert [file.path for file in POSIX.parse_list_tree(answer(record(path))).files] == [path]


@pytest.mark.parametrize(
    "stdout",
    [
        b"Welcome to the server!\n" + record("a"),
        record("a") + b"f\t1\t170000",
        record("a")[:-1],
        record("a") + b"\0",
        record("a", size="-1"),
        record("a", size="9" * 40),
        record("a", stamp="nan"),
        record("a", stamp="1700000000"),
        record("a", stamp="1" * 30 + ".1234567890"),
        record("a") + record("b") + record("a"),
        record("a") + b"\xff\xfe\0",
        b"f\t1\t1.1234567890\t\xff.1234567890\tx\0",
        b"\xff\0",
        b"f\t1\t1.1234567890\t1.1234567890\t\xff",
    ],
)
def test_a_listing_that_is_not_understood_is_refused_as_a_whole(stdout: bytes):
    with pytest.raises(OutputUnreadable):
        POSIX.parse_list_tree(answer(stdout))


@pytest.mark.parametrize("status", [2, 126, 127, 137, 255])
def test_a_find_that_did_not_end_well_lists_nothing(status: int):
    with pytest.raises(OutputUnreadable, match="not found"):
        POSIX.parse_list_tree(answer(record("a"), b"sh: find: not found\x1b[31m\n", status))


@pytest.mark.parametrize(
    ("stderr", "unreadable"),
    [
        (b"find: './App/x': Permission denied\n", ("App",)),
        (b"find: './Dir': Permission denied\nfind: './Dir/gone': No such file or directory\n", ("Dir",)),
        (b"find: './App/x': No such file or directory\nfind: './App/y': Input/output error\n", ("App",)),
        (b"find: '.': No such file or directory\n", ("",)),
        (b"No such file or directory\n", ("",)),
        (b"find: '.': Permission denied\n", ("",)),
        (b"find: '/etc': Permission denied\n", ("",)),
        (b"find: File system loop detected\n", ("",)),
        (b"Segmentation fault\n", ("",)),
        (b"", ("",)),
    ],
)
def test_what_find_complains_about_is_unreadable(stderr: bytes, unreadable: tuple[str, ...]):
    assert POSIX.parse_list_tree(answer(record("Dir", kind="d"), stderr, 1)).unreadable == unreadable


def test_what_went_away_while_it_was_listed_leaves_its_folder_readable():
    gone = b"find: './App/x.tmp': No such file or directory\nfind: './Dir': No such file or directory\n"
    listing = POSIX.parse_list_tree(answer(record("App", kind="d") + record("Dir", kind="d"), gone, 1))
    assert (listing.vanished, listing.unreadable) == (("App/x.tmp", "Dir"), ())


def test_a_warning_without_failure_still_counts():
    assert POSIX.parse_list_tree(answer(record("a"), b"find: './b': Permission denied\n")).unreadable == ("",)


@pytest.mark.parametrize(
    "stdout",
    [
        b"",
        b"motd\nlines\n",
        b"lines\nzz *./a\n",
        b"lines\n" + HASH.encode() + b" *./a",
        b"lines\n" + HASH.encode() + b" */etc/passwd\n",
        b"records\n" + HASH.encode() + b"  ./a\n",
        b"records\n" + HASH.upper().encode() + b"  ./a\0",
        b"lines\n" + f"{HASH} *./a\n{'cd' * 32} *./a\n".encode(),
    ],
)
def test_hashes_that_are_not_understood_are_refused(stdout: bytes):
    with pytest.raises(OutputUnreadable):
        POSIX.parse_hashes(answer(stdout))


@pytest.mark.parametrize("status", [1, 124, 126, 127, 255])
def test_a_hash_tool_that_did_not_run_is_an_error(status: int):
    with pytest.raises(OutputUnreadable):
        POSIX.parse_hashes(answer(b"lines\n", b"xargs: openssl: not found", status))


@pytest.mark.parametrize("stdout", [b"", b"1700000000N\n", b"17\n", b"1700000000123456789\nmotd\n", b"\xff" * 19])
def test_a_clock_that_is_not_understood_is_refused(stdout: bytes):
    with pytest.raises(OutputUnreadable):
        POSIX.parse_clock(answer(stdout))


@pytest.mark.parametrize("stdout", [b"", b"list\nhash\n", b"motd\nlist\nhash\nend\n", b"list\nhash\nend\nmore"])
def test_an_odd_probe_means_no_capability(stdout: bytes):
    assert POSIX.parse_probe(answer(stdout)) == Capabilities()


def test_odd_facts_are_refused_and_made_fit_to_show():
    with pytest.raises(OutputUnreadable):
        POSIX.parse_system_facts(answer(b"a\0b\0"))
    facts = POSIX.parse_system_facts(answer(b"Li\x1b[31mnux\n\xff\0" + b"h" * 5000 + b"\0UTC\0%N\0"))
    assert facts.system == "Li [31mnux \ufffd"
    assert len(facts.host_name) == 200
    assert facts.utc_ns is None


@given(st.binary(max_size=300), st.binary(max_size=100), st.integers(0, 255))
def test_no_answer_breaks_a_parser(stdout: bytes, stderr: bytes, status: int):
    for prefix in (b"", b"lines\n", b"records\n"):
        result = CommandResult(status, prefix + stdout, stderr)
        for parse in (POSIX.parse_list_tree, POSIX.parse_hashes, POSIX.parse_clock, POSIX.parse_system_facts):
            with contextlib.suppress(NodeError):
                parse(result)
        POSIX.parse_probe(result)


def test_a_large_listing_is_read_quickly():
    stdout = b"".join(record(f"App/folder-{number % 50}/file {number}.ini") for number in range(50_000))
    started = time.process_time()
    assert len(POSIX.parse_list_tree(answer(stdout)).files) == 50_000
    assert time.process_time() - started < 2.0  # ten times what it takes here


@pytest.mark.parametrize(
    ("native", "sftp"), [("/srv/md", "/srv/md"), ("/srv//md/", "/srv/md"), ("/", "/"), ("/a b/\u00fc", "/a b/\u00fc")]
)
def test_paths_are_mapped(native: str, sftp: str):
    assert POSIX.sftp_path(native) == sftp
    assert POSIX.native_path(sftp) == sftp


@pytest.mark.parametrize("native", ["", "srv", "C:\\MDaemon", "/srv/../etc", "/a\0b", "/" + "x" * 256, "/\udcff"])
def test_bad_paths_are_refused_with_the_remedy(native: str):
    with pytest.raises(ValueError, match="write the whole path"):
        POSIX.sftp_path(native)


@pytest.mark.parametrize("name", ["CON", "a:b", "tail ", "*", "\u00fc" * 127])
def test_names_that_only_windows_refuses_are_fine(name: str):
    assert POSIX.name_problem(name) is None


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0", "\u00fc" * 128, "\ud800"])
def test_names_that_cannot_be(name: str):
    assert POSIX.name_problem(name)


def test_a_listing_whose_end_is_missing_is_not_searched_for_it(monkeypatch):
    """For every path that begins there the expression would go through all that follows: minutes for 1 MB."""
    monkeypatch.setattr(posix_output, "_RECORD", None)
    with pytest.raises(OutputUnreadable, match="not understood from 'f"):
        posix_output.parse_find(b"f\t1\t1.000000000\t1.000000000\t" * 1000, b"", failed=False)
