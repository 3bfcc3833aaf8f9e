"""The Windows driver: two readers of a command line, paths, names, and recorded answers.

No cmd.exe runs here. `cmd_reads` and `program_reads` restate, independently of the driver, what cmd.exe does with a
line of `/c` and what the C runtime makes of the rest; marked `assumed` like the transcripts they belong to.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.command import Command, CommandResult
from nodes.errors import OutputUnreadable
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.platforms.windows import LINE_LIMIT

WINDOWS = platform_named("windows")
TRANSCRIPTS: dict[str, list[dict[str, Any]]] = tomllib.loads(
    (Path(__file__).parent / "transcripts" / "windows.toml").read_text("utf-8")
)
VARIABLES = {"PATH": "EXPANDED", "OS": "Windows_NT"}


def expanded(line: str) -> str:
    """cmd.exe's first phase on a command line: %NAME% and %NAME:old=new%; unknown names stay."""

    def value(match: re.Match[str]) -> str:
        name, _, modifier = match[1].partition(":")
        return f"{VARIABLES[name.upper()]}{modifier}" if name.upper() in VARIABLES else match[0]

    return re.sub(r"%([^%]+)%", value, line)


def cmd_reads(line: str) -> str:
    """What a program gets from `cmd.exe /c "line"`; fails where cmd would act on a character."""
    seen, quoted, escaped = "", False, False
    for char in expanded(line):
        if escaped:
            seen, escaped = seen + char, False
        elif char == "^" and not quoted:
            escaped = True
        else:
            assert quoted or char not in "&|<>()", f"cmd.exe acts on {char} in {line}"
            quoted ^= char == '"'
            seen += char
    assert not escaped
    return seen


def program_reads(line: str) -> list[str]:
    """Arguments as the C runtime splits them."""
    words: list[str] = []
    word, quoted, at = None, False, 0
    while at < len(line):
        run = re.compile(r'(\\*)"').match(line, at)
        if run:
            word = (word or "") + "\\" * (len(run[1]) // 2)
            if len(run[1]) % 2:
                word += '"'
            else:
                quoted = not quoted
            at = run.end()
        elif line[at] in " \t" and not quoted:
            if word is not None:
                words.append(word)
            word, at = None, at + 1
        else:
            word, at = (word or "") + line[at], at + 1
    return words if word is None else [*words, word]


words = st.text(st.one_of(st.sampled_from('%^"\\&|<>()! =,;:~PATHOS'), st.characters(min_codepoint=32, codec="utf-8")))


@given(st.lists(words, min_size=1, max_size=6))
def test_words_pass_both_readers_as_they_were(arguments: list[str]):
    assert program_reads(cmd_reads(WINDOWS.spell(Command(("tool", *arguments))))) == ["tool", *arguments]


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (("ver",), "ver"),
        (("reg", "query", r"HKLM\SOFTWARE\X", "/v", "Y"), r"reg query HKLM\SOFTWARE\X /v Y"),
        (("reg", "query", r"HKLM\SOFTWARE\A B"), r'reg query "HKLM\SOFTWARE\A B"'),
        (("x", "C:\\a b\\"), 'x "C:\\a b\\\\"'),
        (("x", ""), 'x ""'),
        (("x", "a&b"), 'x ^"a^&b^"'),
        (("x", "%PATH%"), 'x ^"^%^PATH^%^"'),
        ((r"C:\Program Files\x.exe", "a"), r'"C:\Program Files\x.exe" a'),
    ],
)
def test_simple_lines_stay_readable(argv: tuple[str, ...], line: str):
    assert WINDOWS.spell(Command(argv)) == line


@pytest.mark.parametrize("word", ["a\nb", "a\rb", "a\tb", "\x1a"])
def test_control_characters_are_refused(word: str):
    with pytest.raises(ValueError, match="control character"):
        WINDOWS.spell(Command(("x", word)))


def test_the_line_limit_counts_utf16_units():
    assert WINDOWS.spell(Command(("x", "a" * (LINE_LIMIT - 2))))
    with pytest.raises(ValueError, match="SFTP"):
        WINDOWS.spell(Command(("x", "a" * (LINE_LIMIT - 1))))
    with pytest.raises(ValueError, match="SFTP"):
        WINDOWS.spell(Command(("x", "\U0001f600" * (LINE_LIMIT // 2))))
    assert LINE_LIMIT + len(r'c:\windows\system32\cmd.exe /c ""') < 8191


@pytest.mark.parametrize(
    ("native", "sftp", "back"),
    [
        (r"C:\MDaemon", "/C:/MDaemon", r"C:\MDaemon"),
        ("c:/mdaemon/App/", "/c:/mdaemon/App", r"c:\mdaemon\App"),
        ("D:\\", "/D:/", "D:\\"),
        ("D:", "/D:/", "D:\\"),
        (r"\\server\share$", "//server/share$", r"\\server\share$"),
        ("\\\\server\\share\\Public Folders\\", "//server/share/Public Folders", r"\\server\share\Public Folders"),
        ("C:\\\u00dcbung\\a b", "/C:/\u00dcbung/a b", "C:\\\u00dcbung\\a b"),
    ],
)
def test_paths_are_mapped_both_ways(native: str, sftp: str, back: str):
    assert WINDOWS.sftp_path(native) == sftp
    assert WINDOWS.native_path(sftp) == back


@pytest.mark.parametrize(
    ("native", "remedy"),
    [
        ("", "is not absolute; write"),
        ("MDaemon", "is not absolute; write"),
        ("C:MDaemon", "is not absolute; write"),
        ("/C:/MDaemon", "is not absolute; write"),
        (r"\MDaemon", "is not absolute; write"),
        (r"\\server", "names no share; write"),
        ("\\\\server\\", "names no share; write"),
        (r"\\?\C:\MDaemon", "write it without"),
        (r"\\.\PIPE\x", "write it without"),
        (r"C:\MDaemon\..\Windows", "choose another folder"),
        (r"C:\MDaemon\a:b", "choose another folder"),
        (r"C:\MDaemon\nul", "choose another folder"),
        ("C:\\MDaemon\\a\0b", "choose another folder"),
        (r"C:\MDaemon\tail. ", "choose another folder"),
    ],
)
def test_bad_paths_are_refused_with_the_remedy(native: str, remedy: str):
    with pytest.raises(ValueError, match=remedy):
        WINDOWS.sftp_path(native)


@pytest.mark.parametrize("sftp", ["", "C:/x", "/x", "srv"])
def test_no_windows_path_is_made_of_something_else(sftp: str):
    with pytest.raises(ValueError, match="not absolute"):
        WINDOWS.native_path(sftp)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "CON",
            "con",
            "NUL.txt",
            "aux .dat",
            "COM1",
            "lpt9.x",
            "COM\u00b9",
            "CONIN$",
            "tail ",
            "tail.",
            "a:b",
            "a*",
            "a?",
        ),
        *('a"', "a<", "a|", "a/b", "a\\b", "a\nb", "\x1f", "", ".", "..", "x" * 256, "\U0001f600" * 128, "\ud800"),
    ],
)
def test_names_windows_cannot_hold(name: str):
    assert WINDOWS.name_problem(name)


@pytest.mark.parametrize(
    "name", ["CONSOLE", "COM10", "COM", "nul-x", " lead", "-rf", "a.b.c", "100%", "\u00fc", "x" * 255]
)
def test_names_windows_holds(name: str):
    assert WINDOWS.name_problem(name) is None


@pytest.mark.parametrize("case", TRANSCRIPTS["system_facts"], ids=lambda case: case["from"])
def test_recorded_system_facts(case: dict[str, Any]):
    facts = WINDOWS.parse_system_facts(CommandResult(0, case["stdout"].encode("latin-1"), b""))
    assert (facts.system, facts.host_name, facts.time_zone) == (case["system"], case["host_name"], case["time_zone"])
    assert facts.utc_ns is None


@pytest.mark.parametrize("case", TRANSCRIPTS["registry"], ids=lambda case: case["from"])
def test_recorded_registry_values(case: dict[str, Any]):
    result = CommandResult(case["exit"], case["stdout"].encode("latin-1"), b"")
    assert WINDOWS.parse_registry_value(result) == case["value"]


def test_every_transcript_says_what_it_is_worth():
    for cases in TRANSCRIPTS.values():
        assert {case["marked"] for case in cases} <= {"observed", "observed-wine", "vendor", "assumed"}


@pytest.mark.parametrize("stdout", [b"", b"Windows_NT", b"\xff\xfe\0\0", b"[Version ]"])
def test_answers_that_are_not_understood_are_refused(stdout: bytes):
    with pytest.raises(OutputUnreadable):
        WINDOWS.parse_system_facts(CommandResult(0, stdout, b""))
    with pytest.raises(OutputUnreadable):
        WINDOWS.parse_registry_value(CommandResult(0, stdout, b""))


def test_the_facts_commands_inner_line_reaches_the_inner_shell_whole():
    command = WINDOWS.system_facts()
    assert command is not None
    assert program_reads(cmd_reads(WINDOWS.spell(command))) == list(command.argv)
    assert '"' not in command.argv[-1]  # the inner cmd.exe knows no backslash before a quote


def test_what_cmd_cannot_do_is_left_to_sftp():
    assert WINDOWS.probe() is None
    assert WINDOWS.parse_probe(CommandResult(0, b"list\n", b"")) == Capabilities()
    assert WINDOWS.clock() is None
    assert WINDOWS.list_tree("/C:/MDaemon") is None
    assert WINDOWS.hash_files("/C:/MDaemon") is None
    assert WINDOWS.services("/C:/MDaemon") is None
    assert WINDOWS.untar("/C:/MDaemon") is None
    assert WINDOWS.archive("/C:/MDaemon") is None
    assert WINDOWS.link_tree("/C:/MDaemon", "t0") is None
    assert WINDOWS.remove_tree("/C:/MDaemon/t0") is None


@pytest.mark.parametrize("case", TRANSCRIPTS["service_state"], ids=lambda case: case["from"])
def test_recorded_service_states(case: dict[str, Any]):
    result = CommandResult(case["exit"], case["stdout"].encode("latin-1"), b"")
    assert (WINDOWS.parse_service_state(result) or 0) == case["state"]


@pytest.mark.parametrize(
    ("status", "stdout"),
    [(0, b""), (5, b""), (1, b""), (0, b"        TYPE : 10 \r\n"), (0, b" TYPE : 10 X\r\n STATE : 9 X\r\n")],
)
def test_services_that_do_not_answer_are_no_state(status: int, stdout: bytes):
    with pytest.raises(OutputUnreadable):
        WINDOWS.parse_service_state(CommandResult(status, stdout, b""))


def test_an_unknown_platform_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="posix, windows"):
        platform_named("vms")
