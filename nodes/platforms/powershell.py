"""The PowerShell scripts of Windows nodes: how they are called, and what their answers mean.

Every name, whether argument, input or answer, is base64 of UTF-16LE, Windows' own form of names: neither cmd.exe nor a
console's code page can change it, and names that are no valid Unicode survive. Every whole answer ends with a line
"end". None of this has run on a real Windows yet; `./run manage node_selftest` does so.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

from nodes.command import Command, CommandResult
from nodes.errors import OutputUnreadable, RemoteDenied, RemoteFileMissing
from nodes.one_line import one_line
from nodes.platforms.base import Capabilities, ListedFile, Listing, Service

NAMES = ("clock", "hash", "selftest", "services", "share", "tree")
NO_FOLDER, NO_WAY_IN = 97, 96
"""Exit statuses of the scripts: the folder is not there, or may not be listed."""

END = "end"
"""The last line of every whole answer."""

MOST_SERVICES = 100
"""Of one installation folder; a mail server has a handful."""

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_PROGRAM = ("powershell.exe", "-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File")
_EPOCH_TICKS = 621_355_968_000_000_000
"""Ticks (100 ns since the year 1) at the start of 1970."""

_LATEST = 10**19
"""Nanoseconds since 1970: the year 2286. No clock stands there, and dates are counted with what clocks say."""

_KINDS = {"f": "file", "d": "folder", "l": "link"}
_ENTRY = re.compile(r"([fdlx])\t(\d{1,19})\t(\d{1,19})\t([A-Za-z0-9+/=]+)")
_SUM = re.compile(r"([0-9a-f]{64})\t([A-Za-z0-9+/=]+)")
_NUMBER = re.compile(r"\d{1,5}")
_TICKS = re.compile(r"\d{18,19}")
_SERVICE = re.compile(r"([0-7])\t([0-4])" + r"\t([A-Za-z0-9+/=]*)" * 4)
_ODD_PART = re.compile(r"(?:^|\\)\.{0,2}(?:\\|\Z)|[\0/]")


@dataclass(frozen=True, slots=True)
class Script:
    """A program the portal brings to a node. Its file's name holds its hash: another text is another file."""

    name: str
    content: bytes

    @property
    def file_name(self) -> str:
        """Such as `hash-0123456789abcdef.ps1`."""
        return f"{self.name}-{hashlib.sha256(self.content).hexdigest()[:16]}.ps1"


def _load(name: str) -> Script:
    return Script(name, resources.files("nodes.platforms.scripts").joinpath(f"{name}.ps1").read_bytes())


SCRIPTS = tuple(_load(name) for name in NAMES)
_BY_NAME = {script.name: script for script in SCRIPTS}


def encoded(text: str) -> str:
    """A name as the scripts read it."""
    return base64.b64encode(text.encode("utf-16-le", "surrogatepass")).decode("ascii")


def decoded(word: str) -> str:
    """A name as the scripts write it; unpaired surrogates stay. Raises OutputUnreadable."""
    try:
        return base64.b64decode(word, validate=True).decode("utf-16-le", "surrogatepass")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise OutputUnreadable(f"The node's answer holds {word[:80]!r} for a name.") from error


def call(folder: str, name: str, *words: str) -> Command:
    """Run a script that lies in `folder` (native). `words`: its parameters, in pairs. All scripts only read."""
    return Command((*_PROGRAM, rf"{folder}\{_BY_NAME[name].file_name}", *words))


def parse_selftest(result: CommandResult) -> Capabilities:
    """Capabilities from the self-test; an odd answer means none."""
    if not result.ok:
        return Capabilities()
    try:
        values = dict(line.partition("\t")[::2] for line in _lines(result))
    except OutputUnreadable:
        return Capabilities()
    works = values.get("empty") == EMPTY_SHA256 and values.get("mode") == "FullLanguage"
    return Capabilities(can_list=works, can_hash=works)


def parse_tree(result: CommandResult) -> Listing:
    """The listing. Raises OutputUnreadable, RemoteFileMissing, RemoteDenied."""
    return _listing(_answer(result))


class TreeRecords:
    """The form of the script's records: a line each."""

    end = b"\n"

    def mark(self, path: str) -> bytes:
        """The last field; that of a longer path may begin so, too."""
        return b"\t" + encoded(path.replace("/", "\\")).encode("ascii")

    def parse(self, records: bytes) -> Listing:
        """What they say; the line that ends the answer is none of them."""
        return _listing([line for line in _text(records).splitlines() if line != END])


TREE_RECORDS = TreeRecords()


def _listing(lines: Iterable[str]) -> Listing:
    files: list[ListedFile] = []
    unreadable: list[str] = []
    for line in lines:
        match = _ENTRY.fullmatch(line)
        if not match:
            raise OutputUnreadable(f"The listing holds {line[:80]!r}.")
        kind, size, ticks, word = match.groups()
        path, raw = _path(word)
        if kind == "x":
            unreadable.append(path)
        else:
            files.append(ListedFile(path, _KINDS[kind], int(size), _nanoseconds(int(ticks)), None, raw))
    if len({file.path_bytes or file.path for file in files}) != len(files):
        raise OutputUnreadable("The listing names a file twice.")
    return Listing(tuple(files), tuple(sorted(unreadable)))


def hash_stdin(paths: Iterable[str]) -> bytes:
    """Names for the hash script, one a line."""
    return "".join(encoded(path.replace("/", "\\")) + "\r\n" for path in paths).encode("ascii")


def parse_hashes(result: CommandResult) -> dict[str, str]:
    """Path -> hash. Raises OutputUnreadable, RemoteFileMissing."""
    sums: dict[str, str] = {}
    for line in _answer(result):
        match = _SUM.fullmatch(line)
        if not match:
            raise OutputUnreadable(f"The hash script printed {line[:80]!r}.")
        path, _ = _path(match[2])
        if sums.setdefault(path, match[1]) != match[1]:
            raise OutputUnreadable(f"The hash script gave two hashes for {path[:200]!r}.")
    return sums


def parse_clock(result: CommandResult) -> int:
    """Nanoseconds since 1970 UTC at the last line of input, before 2286. Raises OutputUnreadable."""
    lines = _ascii(result).split()
    if not result.ok or not lines or not _TICKS.fullmatch(lines[-1]):
        raise OutputUnreadable("The node's clock did not answer in ticks.")
    time_ns = _nanoseconds(int(lines[-1]))
    if not 0 <= time_ns < _LATEST:
        raise OutputUnreadable("The node's clock does not stand between 1970 and 2286.")
    return time_ns


def parse_services(result: CommandResult) -> tuple[Service, ...]:
    """The services. Raises OutputUnreadable."""
    found: list[Service] = []
    for line in _answer(result):
        if len(found) == MOST_SERVICES:
            raise OutputUnreadable(f"The node names more than {MOST_SERVICES} services of one folder.")
        match = _SERVICE.fullmatch(line)
        if not match:
            raise OutputUnreadable(f"The list of services holds {line[:80]!r}.")
        name, shown, account, program = (one_line(decoded(word), 300) for word in match.groups()[2:])
        found.append(Service(name, shown, int(match[1]), int(match[2]), account, program))
    return tuple(found)


def parse_share(result: CommandResult) -> int:
    """The number. Raises OutputUnreadable."""
    lines = _answer(result)
    if len(lines) != 1 or not _NUMBER.fullmatch(lines[0]):
        raise OutputUnreadable("The script that opens a share printed something else than a number.")
    return int(lines[0])


def skipped(folders: Sequence[str]) -> str:
    """The parameter that names folders not to enter; never empty, as an empty argument may get lost on the way."""
    return encoded("".join(folder.replace("/", "\\") + "\n" for folder in folders) or "\n")


def _answer(result: CommandResult) -> list[str]:
    """The lines of a whole answer. Raises where the script could not enter its folder or did not come to its end."""
    if result.exit_status == NO_FOLDER:
        raise RemoteFileMissing("The folder to work in is not there.")
    if result.exit_status == NO_WAY_IN:
        raise RemoteDenied("The folder to work in may not be listed.")
    if not result.ok:
        raise OutputUnreadable(f"PowerShell ended with status {result.exit_status}.")
    return _lines(result)


def _lines(result: CommandResult) -> list[str]:
    *lines, last = _ascii(result).splitlines() or [""]
    if last != END:
        raise OutputUnreadable("PowerShell's answer is cut short.")
    return lines


def is_whole(result: CommandResult) -> bool:
    """Whether an answer came to its end, without reading the rest."""
    return result.stdout.rstrip(b"\r\n").rpartition(b"\n")[2] == END.encode("ascii")


def _ascii(result: CommandResult) -> str:
    return _text(result.stdout)


def _text(output: bytes) -> str:
    try:
        return output.decode("ascii")
    except UnicodeDecodeError as error:
        raise OutputUnreadable("PowerShell answered something else than its script prints.") from error


def _path(word: str) -> tuple[str, bytes | None]:
    """A relative path with `/`; where it is no valid Unicode, an escaped spelling and its bytes."""
    name = decoded(word)
    if _ODD_PART.search(name) or ":" in name:
        raise OutputUnreadable(f"The node's answer holds the path {name[:200]!r}.")
    path = name.replace("\\", "/")
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        raw = path.encode("utf-8", "surrogatepass")
        return raw.decode("utf-8", "backslashreplace"), raw
    return path, None


def _nanoseconds(ticks: int) -> int:
    return (ticks - _EPOCH_TICKS) * 100
