"""Whatever a node answers is a value or a refusal, and takes as many steps as it has bytes: every parser of every
platform, also those that are not written yet."""

from __future__ import annotations

import base64
import inspect
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.command import CommandResult
from nodes.errors import NodeError
from nodes.platforms import platform_named
from nodes.platforms.base import Platform
from nodes.platforms.posix_output import parse_paths, parse_sums, parse_tar
from tests.any_input import few, size_of
from tests.steps import assert_linear

PLATFORMS = [platform_named(name) for name in ("posix", "windows")]
STATUSES = st.sampled_from([0, 1, 2, 96, 97, 123, 127, 255, 1060, -1])


def parsers() -> dict[str, Callable[[CommandResult], Any]]:
    """By name, all that reads a command's answer."""
    found: dict[str, Callable[[CommandResult], Any]] = {}
    for platform in PLATFORMS:
        for name, method in inspect.getmembers(platform, callable):
            if name.startswith("parse_") or name == "listing_form":
                found[f"{platform.name}.{name}"] = method
    return found


PARSERS = parsers()

NAME = base64.b64encode("a\\b".encode("utf-16-le"))
PIECES = (
    b"\n", b"\r\n", b"\0", b"\t", b" ", b"    ", b"/", b".", b"..", b"\\", b"'", b":", b"\xff", b"end", b"end\n",
    b"f\t1\t1.000000000\t1.000000000\ta\0", b"f\t1\t1.000000000\t1.000000000\t", b"d\t0\t-1.123456789\t1.00000000",
    b"find: './a': No such file or directory\n", b"find: '", b"\\012", b"lines\n", b"records\n", b"ab" * 32, b" *./a",
    b"99999999999999999999", b"621355968000000000", b"f\t1\t621355968000000000\t" + NAME, NAME, b"4\t2\t",
    b"        STATE              : 4  RUNNING ", b"Windows", b"[Version 10.0.20348.1]", b"TYPE : 10  ",
    b"    TimeZoneKeyName    REG_SZ    x", b"empty\t", b"mode\tFullLanguage\n", b"list\n", b"hash\n", b"0",
    bytes(512), b"./a".ljust(124, b"\0") + b"00000000001\0", b"L".rjust(157, b"\0"), "\u202e".encode(), b"\x1b[31m",
    "\ud800".encode("utf-16-le", "surrogatepass"), b"53\r\nend\r\n", b"//f/a 1 1 1 1% /a\n", b"1 ", b"1% ",
)  # fmt: skip
"""Of which real answers consist, and what breaks readers."""

ANSWERS = st.builds(
    CommandResult,
    STATUSES,
    st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)),
    st.one_of(st.just(b""), st.binary(max_size=60), st.lists(st.sampled_from(PIECES), max_size=4).map(b"".join)),
)


@pytest.mark.parametrize("name", PARSERS)
@few
@given(answer=ANSWERS)
def test_any_answer_is_a_value_or_a_refusal(name: str, answer: CommandResult) -> None:
    try:
        value = PARSERS[name](answer)
    except NodeError as error:
        assert len(str(error)) < 1000
    else:
        assert size_of(value) <= 200 + 12 * (len(answer.stdout) + len(answer.stderr))


@few
@given(st.one_of(st.binary(max_size=2000), st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)))
def test_any_output_is_read_or_refused(output: bytes) -> None:
    for read in (parse_tar, parse_paths, parse_sums):
        try:
            read(output)
        except NodeError as error:
            assert len(str(error)) < 1000


@pytest.mark.parametrize("name", PARSERS)
def test_twice_the_answer_takes_twice_the_steps(name: str) -> None:
    for piece, ending in itertools.product(PIECES, (b"", b"end", b"\0")):
        assert_linear(PARSERS[name], partial(_repeated, piece, ending), (50, 100), expected=(NodeError,))


def _repeated(piece: bytes, ending: bytes, times: int) -> CommandResult:
    return CommandResult(0, piece * times + ending, piece * times)


def numbered(size: int) -> bytes:
    return b"".join(b"f\t1\t1.000000000\t1.000000000\t%d/%d\0" % (one % 7, one) for one in range(size))


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
def test_a_listing_takes_as_many_steps_as_it_has_names(platform: Platform) -> None:
    def answer(size: int) -> CommandResult:
        names = (base64.b64encode(f"{one % 7}\\{one}".encode("utf-16-le")) for one in range(size))
        lines = b"".join(b"f\t1\t621355968000000000\t%b\r\n" % name for name in names) + b"end\r\n"
        complaints = b"".join(b"find: './%d': Permission denied\n" % one for one in range(size))
        return (
            CommandResult(0, lines, b"") if platform.name == "windows" else CommandResult(1, numbered(size), complaints)
        )

    assert len(platform.parse_list_tree(answer(100)).files) == 100
    assert_linear(platform.parse_list_tree, answer)
