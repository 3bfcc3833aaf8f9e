"""Texts that a node, or who speaks in its place, made up: whatever reads them answers something sound, and does not
work longer than the text is long."""

from __future__ import annotations

import ntpath
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from nodes.products import folders
from nodes.products.cluster_log import LINE_LIMIT, MOST_CODES, newest_lines
from nodes.products.errors import ProfileError
from nodes.products.folders import MOST_PLACES, effective_folders
from nodes.products.greetings import parse_smtp
from nodes.products.ini import IniDocument, IniError
from nodes.products.ini_render import IniKey, differing_values, key_conflicts, render
from nodes.products.loading import load_profile
from nodes.products.masking import is_secret
from nodes.products.patterns import PatternIndex, folded, may_lie_beneath, pattern_problem
from nodes.products.version import version_from_ini, version_from_program, version_from_text
from nodes.validators import clean_path, path_pattern
from tests.steps import assert_linear

PROFILE = load_profile("mdaemon")
VERSION = re.compile(r"\d{1,3}(\.\d{1,5}){1,3}[a-z]?", re.IGNORECASE)


def made_of(*pieces: str) -> st.SearchStrategy[str]:
    """Texts of pieces that mean something to a reader, and of anything else."""
    return st.lists(st.sampled_from(pieces) | st.text(max_size=4), max_size=10).map("".join)


BANNERS = made_of(
    "START Event Log / MDaemon", " PRO", " v", "26.0.3", ",", "(MDaemon", ")", "220 ", "ESMTP MDaemon ", ";"
)
LOGS = st.lists(
    made_of(
        "21/04/02 16:02:02.900", " Debug", " D65ACCE8", " 0x4151", "1220", "0aFf", " text", "\x1b[31m", "\x85", "\r"
    ),
    max_size=6,
).map("\n".join)
PLACES = made_of("C:", "\\", "/", "MDaemon", "Users", "$DOMAIN$", "$", "..", ".", "\\\\srv\\", " ", '"', "Straße", "İ")


@given(BANNERS)
def test_a_version_is_a_version_or_none(text: str) -> None:
    program = f"ProductVersion\0{text}\0\0".encode("utf-16-le", "surrogatepass")
    for found in (version_from_text(text), version_from_program(program)):
        assert found is None or VERSION.fullmatch(found.text)
    assert len(parse_smtp(text).host_name) <= 255


@given(st.lists(st.tuples(made_of("Version", "x"), made_of("26.0.3", "v", '"', "b"))))
def test_an_ini_tells_one_version_or_none(items: list[tuple[str, str]]) -> None:
    try:
        document = IniDocument.parse("\n".join(f"{key}={value}" for key, value in items).encode("utf-8", "replace"))
    except IniError:
        return
    found = version_from_ini(document)
    assert found is None or VERSION.fullmatch(found.text)


@given(LOGS)
def test_lines_of_a_cluster_log_are_short_and_printable(text: str) -> None:
    for code, line in newest_lines(text).items():
        assert re.fullmatch(r"0x4151[0-9A-F]{4}", code)
        assert len(line) <= LINE_LIMIT
        assert line.isprintable()


def test_of_many_codes_the_newest_are_told() -> None:
    lines = [f"210402 160205105 D [24D2AF55] 0x4151{number:04X} text" for number in range(MOST_CODES + 5)]
    found = newest_lines("\n".join(lines))
    assert list(found.values()) == lines[5:]


@given(st.sampled_from(["windows", "posix"]), PLACES, st.lists(PLACES, max_size=5))
def test_a_folder_inside_is_what_leads_there_from_the_root(platform: str, root: str, values: list[str]) -> None:
    join, base = (ntpath, "C:\\Root\\") if platform == "windows" else (posixpath, "/root/")
    root = join.normpath(base + root.replace("\0", ""))
    text = "".join(f"k={value}\n" for value in values)
    try:
        document = IniDocument.parse(text.encode("utf-8", "replace"))
    except IniError:
        return
    for folder in effective_folders(document, root, platform, PROFILE):
        assert not folder.inside.startswith("/")
        if folder.inside:
            parts = folder.path.replace("\\", "/").split("/") if platform == "windows" else folder.path.split("/")
            assert parts[-folder.inside.count("/") - 1 :] == folder.inside.split("/")
            assert len(parts) == len(re.split(r"[\\/]" if platform == "windows" else "/", root.rstrip("\\/"))) + len(
                folder.inside.split("/")
            )


def test_a_folder_below_a_root_that_folds_longer_keeps_its_whole_name() -> None:
    document = IniDocument.parse("[A]\nx=C:\\Straße\\Mail\\Users\\\n".encode())
    found = {folder.role: folder.inside for folder in effective_folders(document, "C:\\STRASSE", "windows", PROFILE)}
    assert found["users"] == "Mail/Users"


def test_no_more_places_than_a_person_can_choose_from_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"k{number}=/mail{number}/Users\n" for number in range(MOST_PLACES + 5))
    found = [
        f for f in effective_folders(IniDocument.parse(text.encode()), "/r", "posix", PROFILE) if f.role == "users"
    ]
    assert [folder.path for folder in found] == [f"/mail{number}/Users" for number in range(MOST_PLACES)]
    monkeypatch.setattr(folders, "MAX_FOLDER", 12)
    found = [
        f for f in effective_folders(IniDocument.parse(text.encode()), "/r", "posix", PROFILE) if f.role == "users"
    ]
    assert [folder.path for folder in found] == [f"/mail{number}/Users" for number in range(10)]


@given(st.text(max_size=40), st.text(max_size=40), st.none() | st.text(max_size=60))
def test_what_is_masked_stays_masked_whatever_stands_around_it(section: str, key: str, value: str | None) -> None:
    assert is_secret(f"{section}Password{key}", "x", value)
    assert is_secret("x", f"{section} API-Key {key}", value)
    assert is_secret(section, key, f"{value} 0123456789abcdefghij {value}")


WILD = st.lists(st.sampled_from([*"ab*?/.~[(+\\", "**/", "/**", "İ", "ß"]) | st.text(max_size=3), max_size=8).map(
    "".join
)


@given(WILD, WILD)
def test_a_pattern_is_refused_with_the_reason_or_it_works(pattern: str, path: str) -> None:
    if pattern_problem(pattern):
        return
    index = PatternIndex([pattern])
    assert index.first(path) in (None, 0)
    assert index.first(path) == index.first(path.upper().lower() if path.isascii() else path)
    if not set(pattern) & set("*?"):
        assert index.first(pattern) == 0
    if index.first(path) == 0 and "/" in path and not pattern_problem(path):
        assert may_lie_beneath(pattern, path.rpartition("/")[0])


@given(st.text("aB\u00df\u0130\u00c5A\u030a\u212b", max_size=8))
def test_two_spellings_of_a_path_are_one(path: str) -> None:
    assert folded(folded(path)) == folded(path)


FILES = st.binary(max_size=40) | made_of("[a]", "[A]", "k=", "K = ", "1", "\n", "\r\n", "[", "]", "=", ";").map(
    lambda text: text.encode("utf-16", "surrogatepass") if len(text) % 2 else text.encode("utf-8", "surrogatepass")
)


@given(FILES, FILES, st.frozensets(st.builds(IniKey, st.sampled_from(["a", ""]), st.sampled_from("kK1")), max_size=3))
def test_any_two_files_are_compared_and_mixed_or_refused(primary: bytes, own: bytes, kept: frozenset[IniKey]) -> None:
    try:
        conflicts = key_conflicts(primary, own, kept)
        differing = differing_values(primary, own)
        rendered = render(primary, own, kept)
    except IniError:
        return
    assert not conflicts or differing
    assert render(rendered, own, kept) == rendered


@given(WILD)
def test_what_people_type_is_taken_as_it_is_used_or_refused(text: str) -> None:
    for check, problem in ((path_pattern, pattern_problem), (clean_path, lambda path: ".." in path.split("/"))):
        try:
            assert not problem(check(text))
        except ValidationError as error:
            assert str(error.messages[0])


LINES = st.sampled_from(
    [
        "[[rule]]",
        "[[feature]]",
        "[[folder]]",
        "[limits]",
        "[timing]",
        'patterns = ["a/*?"]',
        'class = "config"',
        "secret = 1",
    ]
) | st.tuples(
    st.sampled_from(["patterns", "class", "source", "code", "file_mb", "role", "default", "path", "label", "off"]),
    st.sampled_from(['"x"', '["../x", "**"]', "-1", "1e400", "nan", "true", '"guide"', "[[]]", "{}", "9" * 30]),
).map(" = ".join)


@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, max_size=6))
def test_a_profile_of_any_lines_is_read_or_refused(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "own.toml").write_text("\n".join(['label = "Own"', *lines]), encoding="utf-8")
    try:
        profile = load_profile("own", str(tmp_path))
    except ProfileError as error:
        assert "own.toml" in str(error)
        return
    assert profile.classify("a/bc").path_class


def parsed(text: str) -> IniDocument:
    return IniDocument.parse(text.encode())


@pytest.mark.parametrize(
    ("read", "make"),
    [
        (parsed, lambda size: "[a]\nb=c\r;d\r\n" * size),
        (parsed, lambda size: "[]\n" * size + "=\n" * size + "\r" * size),
        (lambda text: parsed(text).to_bytes(), lambda size: "k=v\n" * size),
        (lambda text: version_from_ini(parsed(text)), lambda size: "version=1.2\n" * size),
        (version_from_text, lambda size: "START Event Log / MDaemon a b c" * size),
        (version_from_text, lambda size: "(MDaemon a" + " b" * size),
        (newest_lines, lambda size: "\n".join(f"210402 160205105 D [24D2AF55] 0x4151{n:04X} x" for n in range(size))),
        (newest_lines, lambda size: "210402 160205105 D [24D2AF55] 0x41510000 x\n" * size),
        (
            lambda text: effective_folders(parsed(text), "/r", "posix", PROFILE),
            lambda size: "".join(f"k{number}=/mail{number}/Users\n" for number in range(size)),
        ),
        (
            lambda text: effective_folders(parsed(text), "C:\\r", "windows", PROFILE),
            lambda size: "".join(f"k{number}=\\\\s\\{number}\\x$\n" for number in range(size)),
        ),
        (lambda text: is_secret(text, text, text), lambda size: "key pa_ss" * size),
    ],
)
def test_twice_the_text_takes_twice_the_steps(read: Callable[[str], Any], make: Callable[[int], str]) -> None:
    assert_linear(read, make)
