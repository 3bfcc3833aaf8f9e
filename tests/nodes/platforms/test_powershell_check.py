"""The check of the PowerShell scripts catches what it is for, and passes the scripts."""

from __future__ import annotations

import pytest

from tests.powershell_check import MARK, SCRIPTS, findings

GOOD = "param([string]$Root)\nif ($Root -eq '') {\n    exit 3\n}\n[Console]::Out.WriteLine('a && b ? c : d')\nexit 0\n"


def script(text: str) -> bytes:
    return MARK + text.replace("\n", "\r\n").encode()


def test_the_portals_scripts_are_fit():
    paths = sorted(SCRIPTS.glob("*.ps1"))
    assert len(paths) == 6
    assert [finding for path in paths for finding in findings(path.name, path.read_bytes())] == []


def test_a_good_script_passes():
    assert findings("good", script(GOOD)) == []


@pytest.mark.parametrize(
    "line",
    [
        *("if ($a) { Get-Date", "$a = 'abc", "if ($a -eq ) { 1 }", "Get-Item (1+2", "Get-Date )"),
        *("if [ 1 ]; then echo; fi", "if ($a -equals $b) { 1 }", '$x = @"\nabc', "foreach ($a on $b) { }"),
    ],
)
def test_what_does_not_parse_is_found(line: str):
    assert findings("bad", script(GOOD + line + "\nexit 0\n"))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("Get-Date && Get-Date", "&&"),
        ("Get-Date || Get-Date", "||"),
        ("$x = ${a}?.Length", "?."),
        ("$x = $a ?? 1", "??"),
        ("$a ??= 1", "??"),
        ("$x = $a ? 1 : 2", "ternary"),
        ("1..3 | ForEach-Object -Parallel { $_ }", "-Parallel"),
        ("Get-Content x -AsByteStream", "-AsByteStream"),
        ("Out-File x -Encoding utf8NoBOM", "utf8NoBOM"),
        ("if ($IsWindows) { 1 }", "$IsWindows"),
        ("'a' | Join-String", "Join-String"),
    ],
)
def test_what_only_later_versions_know_is_found(line: str, what: str):
    found = findings("bad", script(GOOD + line + "\nexit 0\n"))
    assert any(what in finding and "line 7" in finding for finding in found), found


@pytest.mark.parametrize(
    "line", ["Invoke-Expression $a", "Invoke-WebRequest x", "Remove-Item x", "Set-Content x y", "Stop-Service MDaemon"]
)
def test_what_no_script_may_do_is_found(line: str):
    assert findings("bad", script(GOOD + line + "\nexit 0\n"))


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (script(GOOD).removeprefix(MARK), "EF BB BF"),
        (script(GOOD).replace(b"\r\n", b"\n"), "CR and LF"),
        (script(GOOD + "# \u00e4\n"), "ASCII"),
        (script("[Console]::Out.WriteLine('x')\n"), "exit 0"),
        (script(GOOD * 40), "more than 100 lines"),
    ],
)
def test_a_wrong_form_is_found(raw: bytes, what: str):
    assert any(what in finding for finding in findings("bad", raw))
