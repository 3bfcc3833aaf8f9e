"""The check of the PowerShell scripts: `python tests/powershell_check.py [FILE...]`; status 1 where one is not fit.

Nothing here runs PowerShell, so each script must at least parse, be in the form that PowerShell 5.1 reads rightly on
any system (UTF-8 with its mark, CRLF), and hold nothing that only later versions know. The grammar is stricter than
PowerShell in places; scripts are written around that.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

SCRIPTS = Path(__file__).resolve().parents[1] / "nodes" / "platforms" / "scripts"
LONGEST = 100
"""Lines: the scripts stay few and short, as nothing but a customer's server runs them."""

MARK = b"\xef\xbb\xbf"
_NOT_CODE = re.compile(r"<#.*?#>|#[^\n]*|'(?:[^'\n]|'')*'|\"(?:[^\"`\n]|`.)*\"", re.S)
LATER = {
    "&&": re.compile(r"&&"),
    "||": re.compile(r"\|\|"),
    "?. or ?[": re.compile(r"\}\?[.\[]"),
    "?? or ??=": re.compile(r"\?\?"),
    "the ternary operator": re.compile(r"\s\?\s+[^\s{(][^\n]*\s:\s"),
    "-Parallel": re.compile(r"(?i)\s-Parallel\b"),
    "-AsByteStream": re.compile(r"(?i)\s-AsByteStream\b"),
    "-AsHashtable": re.compile(r"(?i)\s-AsHashtable\b"),
    "utf8NoBOM, utf8BOM": re.compile(r"(?i)\butf8(?:No)?BOM\b"),
    "clean blocks": re.compile(r"(?im)^\s*clean\s*\{"),
    "$IsWindows and the like": re.compile(r"(?i)\$Is(?:Windows|Linux|MacOS|CoreCLR)\b"),
    "Join-String, Test-Json, Get-Uptime": re.compile(
        r"(?i)\b(?:Join-String|Test-Json|Get-Uptime|ConvertFrom-Markdown)\b"
    ),
}
"""What PowerShell 5.1 does not know, as it looks outside texts and comments."""

UNWANTED = {
    "Invoke-Expression": re.compile(r"(?i)\b(?:Invoke-Expression|iex)\b"),
    "a download": re.compile(r"(?i)\b(?:Invoke-WebRequest|Invoke-RestMethod|DownloadString|Start-BitsTransfer)\b"),
    "a change on the node": re.compile(
        r"(?i)\b(?:Set|New|Remove|Move|Copy|Rename|Clear|Stop|Start|Restart)-(?!Object\b)\w+"
    ),
}
"""What no script of the portal may do: they only read."""


def findings(name: str, raw: bytes) -> list[str]:
    """What is wrong with a script, one sentence each, with the line where there is one."""
    found = list(_form(raw))
    text = raw.removeprefix(MARK).decode("utf-8", "replace").replace("\r\n", "\n")
    found += _syntax(text)
    code = _NOT_CODE.sub(lambda match: re.sub(r"[^\n]", "_", match[0]), text)
    for what, pattern in (LATER | UNWANTED).items():
        found += [f"line {code.count(chr(10), 0, match.start()) + 1}: {what}" for match in pattern.finditer(code)]
    return [f"{name}: {one}" for one in found]


def _form(raw: bytes) -> Iterator[str]:
    if not raw.startswith(MARK):
        yield "does not begin with UTF-8's mark (EF BB BF); PowerShell 5.1 would take it for the system's code page"
    if raw.count(b"\n") != raw.count(b"\r\n") or not raw.endswith(b"\r\n"):
        yield "has lines that do not end with CR and LF"
    if b"\t" in raw:
        yield "holds a tab"
    if not raw.removeprefix(MARK).isascii():
        yield "holds a character beyond ASCII"
    if raw.count(b"\n") > LONGEST:
        yield f"has more than {LONGEST} lines"
    if b"exit 0" not in raw:
        yield "does not end with `exit 0`: PowerShell's own status says little"


def _syntax(text: str) -> list[str]:
    tree = Parser(Language(tree_sitter_powershell.language())).parse(text.encode())
    return [f"line {node.start_point[0] + 1}: {_complaint(node)}" for node in _broken(tree.root_node)]


def _complaint(node: Node) -> str:
    return f"{node.type} is missing" if node.is_missing else "is not understood"


def _broken(node: Node) -> Iterator[Node]:
    if node.is_missing or node.is_error:
        yield node
    elif node.has_error:
        for child in node.children:
            yield from _broken(child)


def main(names: Sequence[str]) -> int:
    """Print what is wrong; 0 when nothing is."""
    files = [Path(name) for name in names] or sorted(SCRIPTS.glob("*.ps1"))
    found = [finding for path in files for finding in findings(path.name, path.read_bytes())]
    found += [] if files else ["there are no scripts"]
    print("\n".join(found) or f"{len(files)} scripts parse and are fit for PowerShell 5.1")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
