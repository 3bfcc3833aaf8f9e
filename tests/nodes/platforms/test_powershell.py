"""How the PowerShell scripts are called, and what is read out of their answers; hostile ones are refused.

The texts are composed (`assumed`); what called them truly is the lab inside Wine, and a customer's first self-test.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.command import Command, CommandResult
from nodes.errors import OutputUnreadable, RemoteDenied, RemoteFileMissing
from nodes.platforms import platform_named
from nodes.platforms.powershell import SCRIPTS, decoded, encoded, hash_stdin
from tests.nodes.platforms.test_windows import cmd_reads, program_reads

WINDOWS = platform_named("windows")
READY = WINDOWS.with_scripts("/C:/Users/svc portal/.clusterportal")
TRANSCRIPTS: dict[str, list[dict[str, Any]]] = tomllib.loads(
    (Path(__file__).parent / "transcripts" / "windows.toml").read_text("utf-8")
)
EPOCH = 621_355_968_000_000_000


def answer(stdout: str | bytes, status: int = 0) -> CommandResult:
    return CommandResult(status, stdout.encode("latin-1") if isinstance(stdout, str) else stdout, b"")


def words(command: Command | None) -> list[str]:
    """The arguments as PowerShell gets them."""
    assert command is not None
    return program_reads(cmd_reads(READY.spell(command)))


def test_a_scripts_file_is_named_by_its_content():
    files = READY.scripts()
    assert len(files) == len(SCRIPTS) == 6
    for name, content in files.items():
        assert hashlib.sha256(content).hexdigest().startswith(name.removesuffix(".ps1").partition("-")[2])


def test_scripts_are_called_by_file_and_with_names_no_code_page_can_change():
    command = READY.hash_files("/C:/M\u00fcller & Co/100%")
    assert command is not None
    said = words(command)
    assert said[:7] == [
        "powershell.exe",
        "-NoLogo",
        "-NoProfile",
        "-NonInteractive",
        "-ExecutionPolicy",
        "Bypass",
        "-File",
    ]
    assert said[7].startswith("C:\\Users\\svc portal\\.clusterportal\\hash-")
    assert said[8] == "-Root"
    assert decoded(said[9]) == "C:\\M\u00fcller & Co\\100%"
    assert READY.spell(command).isascii()


def test_folders_that_are_skipped_travel_in_one_word():
    said = words(READY.list_tree("/C:/MDaemon", ["Queues", "Users/a b"]))
    assert (said[8], decoded(said[9]), said[10], decoded(said[11])) == (
        *("-Root", "C:\\MDaemon", "-Skip"),
        "Queues\nUsers\\a b\n",
    )
    assert words(READY.list_tree("/C:/MDaemon"))[11]  # an empty argument might get lost


def test_names_go_in_one_a_line():
    assert [decoded(line) for line in hash_stdin(["App/a b", "\u65e5"]).decode().split()] == ["App\\a b", "\u65e5"]


@given(st.text(st.characters(codec=None)))
def test_any_name_survives_the_way_there_and_back(name: str):
    assert decoded(encoded(name)).encode("utf-16-le", "surrogatepass") == name.encode("utf-16-le", "surrogatepass")
    assert encoded(name).isascii()


@pytest.mark.parametrize("case", TRANSCRIPTS["selftest"], ids=lambda case: case["from"])
def test_recorded_selftests(case: dict[str, Any]):
    found = READY.parse_probe(answer(case["stdout"], case["exit"]))
    assert (found.can_list, found.can_hash, found.can_untar) == (bool(case["works"]), bool(case["works"]), False)


@pytest.mark.parametrize("case", TRANSCRIPTS["tree"], ids=lambda case: case["from"])
def test_recorded_listings(case: dict[str, Any]):
    listing = READY.parse_list_tree(answer(case["stdout"]))
    assert [[file.path, file.kind, file.size, file.mtime_ns] for file in listing.files] == case["files"]
    assert list(listing.unreadable) == case["unreadable"]


@pytest.mark.parametrize("case", TRANSCRIPTS["hashes"], ids=lambda case: case["from"])
def test_recorded_hashes(case: dict[str, Any]):
    assert READY.parse_hashes(answer(case["stdout"])) == {case["path"]: case["sha256"]}


@pytest.mark.parametrize("case", TRANSCRIPTS["clock"], ids=lambda case: case["from"])
def test_recorded_clocks(case: dict[str, Any]):
    assert READY.parse_clock(answer(case["stdout"])) == case["ns"]


@pytest.mark.parametrize("case", TRANSCRIPTS["services"], ids=lambda case: case["from"])
def test_recorded_services(case: dict[str, Any]):
    (found,) = READY.parse_services(answer(case["stdout"]))
    assert (found.name, found.shown_name, found.account, found.program, found.state, found.start) == tuple(
        case[key] for key in ("name", "shown", "account", "program", "state", "start")
    )


def test_a_share_that_does_not_open_is_told_by_number():
    said = words(READY.share_number("//files/Mail store/Users"))
    assert said[7].startswith("C:\\Users\\svc portal\\.clusterportal\\share-")
    assert (said[8], decoded(said[9])) == ("-Folder", "\\\\files\\Mail store\\Users")
    assert [READY.parse_share_number(answer(f"{number}\r\nend\r\n")) for number in (0, 53, 11001)] == [0, 53, 11001]
    assert WINDOWS.share_number("//files/mail") is None


@pytest.mark.parametrize("stdout", ["", "end\r\n", "53\r\n", "-5\r\nend\r\n", "5\r\n3\r\nend\r\n", "x\r\nend\r\n"])
def test_numbers_that_are_not_understood_are_refused(stdout: str):
    with pytest.raises(OutputUnreadable):
        READY.parse_share_number(answer(stdout))


def test_a_name_that_is_no_unicode_is_shown_and_kept_as_bytes():
    line = f"f\t1\t{EPOCH}\t{encoded('App' + chr(92) + 'a' + chr(0xD800))}"
    (file,) = READY.parse_list_tree(answer(f"{line}\r\nend\r\n")).files
    assert file.path_bytes == b"App/a\xed\xa0\x80"
    assert file.path == "App/a\\xed\\xa0\\x80"


def test_missing_and_closed_folders_are_told_apart():
    for parse in (READY.parse_list_tree, READY.parse_hashes):
        with pytest.raises(RemoteFileMissing):
            parse(answer("", 97))
        with pytest.raises(RemoteDenied):
            parse(answer("", 96))


A = encoded("a")
BAD_TREES = [
    *("", "end", "end\r\nmore\r\n", f"f\t1\t{EPOCH}\t{A}\r\n", f"q\t1\t{EPOCH}\t{A}\r\nend\r\n"),
    *(f"f\t-1\t{EPOCH}\t{A}\r\nend\r\n", f"f\t1\t{EPOCH}\t!\r\nend\r\n", f"f\t1\t{EPOCH}\tQQ==\r\nend\r\n"),
    f"f\t1\t{EPOCH}\t{A}\r\nf\t1\t{EPOCH}\t{A}\r\nend\r\n",
    "\u00e4\r\nend\r\n",
    *(
        f"f\t1\t{EPOCH}\t{encoded(path)}\r\nend\r\n"
        for path in ("..\\x", "a\\..\\b", "\\x", "C:\\x", "a\\", "a/b", "a\0b", "a:b", ".")
    ),
]


@pytest.mark.parametrize("stdout", BAD_TREES[:1] + BAD_TREES[2:])
def test_listings_that_are_not_understood_are_refused(stdout: str):
    with pytest.raises(OutputUnreadable):
        READY.parse_list_tree(answer(stdout))


@pytest.mark.parametrize("status", [1, 99, -1, 4294770688])
def test_a_script_that_failed_gives_no_answer(status: int):
    whole = answer("end\r\n", status)
    for parse in (READY.parse_list_tree, READY.parse_hashes, READY.parse_services, READY.parse_clock):
        with pytest.raises(OutputUnreadable):
            parse(whole)
    assert not READY.parse_probe(whole).can_hash


@pytest.mark.parametrize(
    "stdout",
    [
        *("", f"{'ab' * 32}\t{A}\r\n", f"{'AB' * 32}\t{A}\r\nend\r\n", f"{'ab' * 31}\t{A}\r\nend\r\n", "x\r\nend\r\n"),
        f"{'ab' * 32}\t{A}\r\n{'cd' * 32}\t{A}\r\nend\r\n",
    ],
)
def test_hashes_that_are_not_understood_are_refused(stdout: str):
    with pytest.raises(OutputUnreadable):
        READY.parse_hashes(answer(stdout))


@pytest.mark.parametrize(
    "stdout",
    [
        *("", "now\r\n", "12\r\n", "6" * 40, "-638000000000000000", "#< CLIXML\r\n<Objs>"),
        *("1" + "0" * 17, "9" * 19),  # the years 317 and 31688
    ],
)
def test_clocks_that_are_not_understood_are_refused(stdout: str):
    with pytest.raises(OutputUnreadable):
        READY.parse_clock(answer(stdout))


@given(st.binary(max_size=200))
def test_whatever_a_node_says_only_our_errors_come_of_it(raw: bytes):
    for parse in (READY.parse_list_tree, READY.parse_hashes, READY.parse_services, READY.parse_clock):
        try:
            parse(answer(raw + b"\r\nend\r\n"))
        except OutputUnreadable:
            continue
    READY.parse_probe(answer(raw))
