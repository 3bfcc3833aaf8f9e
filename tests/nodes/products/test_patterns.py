"""Patterns: what they fit, and that the index agrees with the plain meaning."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.products.patterns import MAX_LENGTH, PatternIndex, may_lie_beneath, pattern_problem
from tests.steps import assert_linear, steps


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        (
            "App/MDaemon.ini",
            ["App/MDaemon.ini", "APP/mdaemon.INI"],
            ["MDaemon.ini", "App/MDaemon.ini/x", "x/App/MDaemon.ini"],
        ),
        (
            "App/*.grp",
            ["App/a.grp", "app/A B.GRP", "App/a.b.grp", "App/.grp"],
            ["App/x/a.grp", "App/a.grp.x", "App/grp"],
        ),
        ("**/*.sem", ["x.sem", "App/X.SEM", "a/b/c.sem", ".sem"], ["App/xsem", "x.sem/y"]),
        ("Users/**", ["users/a", "Users/a/b/c"], ["Users", "UsersX/a", "x/Users/a"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/xb", "ab", "a/b/c"]),
        ("App/?.dat", ["App/a.dat", "App/\u00fc.dat"], ["App/ab.dat", "App/.dat", "App//.dat"]),
        ("*", ["a", "a b"], ["a/b"]),
        ("**", ["a", "a/b"], []),
        ("a[b].(c)+", ["A[b].(C)+"], ["ab.c"]),
        ("**/~*", ["~x", "App/~x"], ["App/x~"]),
        ("**/*.$$$", ["App/a.$$$"], ["App/a.$$"]),
        ("\u00dcber/*.dat", ["U\u0308BER/x.dat", "\u00fcber/x.dat"], ["Uber/x.dat"]),
        ("**/x", ["x", "a/x"], ["xx"]),
    ],
)
def test_what_a_pattern_fits(pattern: str, fits: list[str], fits_not: list[str]):
    index = PatternIndex([pattern])
    assert [path for path in [*fits, *fits_not] if index.first(path) == 0] == fits


def test_the_first_pattern_wins_whatever_its_form():
    patterns = ["a/x.dat", "**/*.dat", "a/*.dat", "a/**", "a/?.ini", "**"]
    for start in range(len(patterns)):
        assert PatternIndex(patterns[start:]).first("a/x.dat") == (0 if start != 4 else 1)


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("", "write a relative path"),
        ("App\\*.dat", "write / between"),
        ("/App/x", "from the installation folder on"),
        ("C:/x", "from the installation folder on"),
        ("../x", "leave out"),
        ("a//b", "leave out"),
        ("a/./b", "leave out"),
        ("a/", "leave out"),
        ("**.sem", re.escape("write **/*.sem")),
        ("a/b**/c", "mixes"),
        ("a\nb", "remove it"),
        ("a" * 401, "shorten"),
    ],
)
def test_bad_patterns_are_told_with_the_remedy(pattern: str, remedy: str):
    assert re.search(remedy, pattern_problem(pattern) or "")


PARTS = st.sampled_from(["a", "B", "*", "?", "**", "*.x", "a*", "b.x", ".x", "*.*", "*.x.y"])
PATTERNS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
PATHS = st.lists(st.sampled_from(["a", "b", "A", "ab", "b.x", ".x", "a.x.y", "x"]), min_size=1, max_size=4).map(
    "/".join
)


def plainly_fits(pattern: list[str], path: list[str]) -> bool:
    """The meaning of patterns, part by part."""
    if not pattern or not path:
        return not pattern and not path
    if pattern[0] == "**":
        if len(pattern) == 1:
            return True
        return plainly_fits(pattern[1:], path) or plainly_fits(pattern, path[1:])
    name = re.escape(pattern[0].lower()).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(name, path[0].lower()) is not None and plainly_fits(pattern[1:], path[1:])


@given(st.lists(PATTERNS, max_size=8), PATHS)
def test_the_index_agrees_with_the_plain_meaning(patterns: list[str], path: str):
    plain = [number for number, pattern in enumerate(patterns) if plainly_fits(pattern.split("/"), path.split("/"))]
    assert PatternIndex(patterns).first(path) == (plain[0] if plain else None)


@given(PATTERNS, PATHS, PATHS)
def test_a_folder_is_never_wrongly_said_to_hold_nothing(pattern: str, folder: str, rest: str):
    if plainly_fits(pattern.split("/"), f"{folder}/{rest}".split("/")):
        assert may_lie_beneath(pattern, folder)


def old_expression(pattern: str) -> re.Pattern[str]:
    """What patterns were compiled to before: the same meaning, in time that grew with a power of their length."""
    *folders, last = (re.escape(part).replace(r"\*", "[^/]*").replace(r"\?", "[^/]") for part in pattern.split("/"))
    spelled = "".join("(?:.+/)?" if part == "[^/]*[^/]*" else f"{part}/" for part in folders)
    return re.compile(spelled + (".+" if last == "[^/]*[^/]*" else last), re.DOTALL)


NAMES = st.text("ab.?*", min_size=1, max_size=7).map(lambda part: part.replace("**", "*"))
ANY_PATTERN = st.lists(NAMES | st.just("**"), min_size=1, max_size=5).map("/".join)
ANY_PATH = st.lists(st.text("ab.\n", min_size=1, max_size=6), min_size=1, max_size=5).map("/".join)


@given(ANY_PATTERN, ANY_PATH)
def test_patterns_mean_what_they_always_meant(pattern: str, path: str):
    assert (PatternIndex([pattern]).first(path) == 0) == (old_expression(pattern).fullmatch(path) is not None)


def repeated(part: str, length: int) -> str:
    return (part * length)[: length // len(part) * len(part)]


@pytest.mark.parametrize(
    ("part", "last", "name"),
    [
        ("*?", "b", "a"),  # 16 of them took two minutes
        ("*a", "*b", "a"),
        ("**/", "b", "a/"),
        ("**/a/", "b", "a/"),
        ("**/*a*/", "b", "aaa/"),
        ("*/", "?b", "a/"),
        ("?", "b", "a"),
    ],
)
def test_no_pattern_makes_a_path_take_more_than_its_length_times_the_patterns(part: str, last: str, name: str):
    index = PatternIndex([repeated(part, MAX_LENGTH - len(last)) + last])
    path = repeated(name, 4 * MAX_LENGTH) + "x"
    assert index.first(path) is None
    assert steps(index.first, path) < MAX_LENGTH * len(path)


@pytest.mark.parametrize("pattern", ["**/" + "*?" * 16 + "b", "**/" * 100 + "*b", "**/*a*/**/*a*/*b"])
def test_a_path_twice_as_long_takes_twice_the_steps(pattern: str):
    index = PatternIndex([pattern])
    assert_linear(index.first, lambda size: "a" * (size // 2) + "a/" * size + "aaa" * size + "x")


def test_no_expression_of_a_pattern_repeats_anything():
    """What one step of the matcher does in C is a search for a text of one length."""
    index = PatternIndex(["**/" + "a*?b+{2}" * 9 + "/(*)+?x"])
    pieces = [
        piece.pattern
        for _, wild in index._rest
        for part in wild._parts
        if part
        for piece in (part._head, *part._middle, part._tail)
    ]
    assert len(pieces) > 10
    assert not [piece for piece in pieces if re.search(r"(?<!\\)[*+?{(|]", piece)]
