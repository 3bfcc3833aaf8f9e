"""What find and the hash tools print, read without trust: bytes from a node that may be broken or hostile."""

from __future__ import annotations

import re

from nodes.command import CommandResult
from nodes.errors import OutputUnreadable
from nodes.one_line import one_line
from nodes.platforms.base import ListedFile, Listing, Mount

NO_FOLDER = 97
"""Exit status of our scripts: the folder is not there."""
NO_WAY_IN = 96
"""Exit status of our scripts: the folder may not be entered."""

_KINDS = {"f": "file", "d": "folder", "l": "link"}

# kind, size, seconds and 9 digits of mtime and ctime (find prints 10), path; one NUL ends the record
_RECORD = re.compile(
    r"([A-Za-z?])\t(\d{1,19})\t(-?\d{1,15})\.(\d{9})\d*\t(-?\d{1,15})\.(\d{9})\d*\t([^\0]+)\0", re.ASCII | re.DOTALL
)
_ODD_PATH = re.compile(r"(?:^|/)\.{0,2}(?:/|\Z)", re.DOTALL)
_COMPLAINT = re.compile(rb"find: '(.*)': ([^']+)", re.DOTALL)
_GONE = b"No such file or directory"
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_USE = re.compile(r"\d{1,4}%|-", re.ASCII)
_BLOCK = 512
_OCTAL = re.compile(rb"[0-7]{1,11}")
_SUM = re.compile(rb"([0-9a-f]{64}) [ *]\./(.+)", re.DOTALL)


def single_line(raw: bytes, limit: int = 200) -> str:
    """A node's text made fit to be shown: one line, printable, at most `limit` characters."""
    return " ".join(one_line(raw[: limit * 4].decode("utf-8", "replace"), limit).split())


def parse_df(result: CommandResult) -> Mount:
    """The volume of the last line: what is mounted, three numbers, a share of use, where. Raises OutputUnreadable."""
    words = (result.stdout.decode("utf-8", "replace").splitlines() or [""])[-1].split()
    for at in range(4, len(words) - 1):
        numbers = [word.removeprefix("-").isdecimal() for word in words[at - 3 : at]]
        if all(numbers) and _USE.fullmatch(words[at]) and words[at + 1].startswith("/"):
            source, point = " ".join(words[: at - 3]), " ".join(words[at + 1 :])
            return Mount(one_line(source, 300), one_line(point, 300))
    raise OutputUnreadable(f"df ended with status {result.exit_status} and names no volume.")


def parse_find(stdout: bytes, stderr: bytes, *, failed: bool) -> Listing:
    """The listing from find's records and complaints."""
    files = _records(stdout)
    folders = {file.path for file in files if file.kind == "folder"}
    complaints = [_complaint(line) for line in stderr.split(b"\n") if line.strip()]
    vanished = {path for path, reason in complaints if path and reason == _GONE}
    unreadable = {_blamed(path, folders) for path, reason in complaints if not path or reason != _GONE}
    if failed and not complaints:
        unreadable.add("")  # find failed and did not say where
    return Listing(files=tuple(files), unreadable=tuple(sorted(unreadable)), vanished=tuple(sorted(vanished)))


class FindRecords:
    """The form of find's records."""

    end = b"\0"

    def mark(self, path: str) -> bytes:
        """The last field and the end; the name of another file may hold a tab, and then the same."""
        return b"\t" + path.encode("utf-8") + self.end

    def parse(self, records: bytes) -> Listing:
        """What they say."""
        return parse_find(records, b"", failed=False)


FIND_RECORDS = FindRecords()


def _records(stdout: bytes) -> list[ListedFile]:
    try:
        text = stdout.decode("utf-8")
    except UnicodeDecodeError:
        files = [_lone_record(record + b"\0") for record in stdout.split(b"\0")[:-1]]
        if stdout[-1:] != b"\0":
            raise OutputUnreadable("The listing is cut short.") from None
    else:
        files = _text_records(text)
    if len({file.path_bytes or file.path for file in files}) != len(files):
        raise OutputUnreadable("The listing names a file twice.")
    return files


def _text_records(text: str) -> list[ListedFile]:
    """All records at once: a whole tree is read in one pass of the expression. Without the last record's end it would
    go through the rest of the text for every path that begins there."""
    files: list[ListedFile] = []
    end = 0
    for match in _RECORD.finditer(text) if text.endswith("\0") else ():
        if match.start() != end:
            break
        end = match.end()
        kind, size, seconds, fraction, change_seconds, change_fraction, path = match.groups()
        files.append(
            ListedFile(
                path,
                _KINDS.get(kind, "other"),
                int(size),
                int(seconds) * 1_000_000_000 + int(fraction),
                int(change_seconds) * 1_000_000_000 + int(change_fraction),
            )
        )
        if _ODD_PATH.search(path):
            raise OutputUnreadable(f"The listing holds the path {path[:200]!r}.")
    if end != len(text):
        raise OutputUnreadable(f"The listing is not understood from {text[end : end + 80]!r} on.")
    return files


def _lone_record(record: bytes) -> ListedFile:
    """One record of a listing in which some name is no valid UTF-8."""
    head, tab, name = record[:-1].partition(b"\t")
    fields = [head]
    for _ in range(3):
        field, tab, name = name.partition(b"\t")
        fields.append(field)
    if not tab or not name:
        raise OutputUnreadable(f"The listing holds the record {record[:80]!r}.")
    shown = name.decode("utf-8", "backslashreplace")
    (file,) = _text_records("\t".join([*(field.decode("ascii", "replace") for field in fields), shown]) + "\0")
    if shown.encode("utf-8") == name:
        return file
    return ListedFile(file.path, file.kind, file.size, file.mtime_ns, file.change_ns, path_bytes=name)


def _complaint(line: bytes) -> tuple[str, bytes]:
    """What find complains of: a path, and its reason. The path is "" for the root, and where find is not understood."""
    match = _COMPLAINT.fullmatch(line)
    if not match:
        return "", line
    path = _ESCAPE.sub(_unescaped, match[1]).decode("utf-8", "backslashreplace")
    return (path[2:] if path.startswith("./") else ""), match[2]


def _blamed(path: str, folders: set[str]) -> str:
    """The folder that a complaint makes unreadable. A folder that was listed itself is the culprit; any other entry is
    missing from its parent."""
    return path if path in folders else path.rpartition("/")[0]


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code.isdigit():
        return bytes([int(code, 8) & 255])
    return _LETTERS.get(code, code)


def parse_sums(stdout: bytes) -> dict[str, str]:
    """Path -> hash. The first line says which tool answered: `lines` (openssl) or `records` (sha256sum -z)."""
    form, _, body = stdout.partition(b"\n")
    if form not in (b"lines", b"records"):
        raise OutputUnreadable(f"The hash tool's answer begins with {stdout[:40]!r}.")
    separator = b"\n" if form == b"lines" else b"\0"
    *records, rest = body.split(separator)
    if rest:
        raise OutputUnreadable("The hash tool's answer is cut short.")
    sums: dict[str, str] = {}
    for record in records:
        match = _SUM.fullmatch(record)
        if not match:
            raise OutputUnreadable(f"The hash tool printed {record[:80]!r}.")
        path, digest = _path(match[2]), match[1].decode("ascii")
        if sums.setdefault(path, digest) != digest:
            raise OutputUnreadable(f"The hash tool gave two hashes for {path[:200]!r}.")
    return sums


def parse_paths(stdout: bytes) -> set[str]:
    """Paths that find printed with a NUL after each."""
    *paths, rest = stdout.split(b"\0")
    if rest:
        raise OutputUnreadable("The list of files is cut short.")
    return {_path(path) for path in paths}


def parse_tar(stdout: bytes) -> dict[str, bytes]:
    """Path -> content of the files in a tar archive of GNU's form, in which each name starts with `./`."""
    files: dict[str, bytes] = {}
    at, long_name = 0, b""
    while (head := stdout[at : at + _BLOCK]) != bytes(_BLOCK):
        size = _octal(head[124:136])
        start, at = at + _BLOCK, at + _BLOCK + size + -size % _BLOCK
        if at > len(stdout):
            raise OutputUnreadable("The archive is cut short.")
        kind, content = head[156:157], stdout[start : start + size]
        if kind == b"L":
            long_name = content.rstrip(b"\0")
            continue
        name, long_name = long_name or head[:100].rstrip(b"\0"), b""
        if kind == b"0":
            files[_path(name.removeprefix(b"./"))] = content
    return files


def _octal(field: bytes) -> int:
    digits = field.rstrip(b"\0 ")
    if not _OCTAL.fullmatch(digits):
        raise OutputUnreadable(f"The archive holds the size {field!r}.")
    return int(digits, 8)


def _path(raw: bytes) -> str:
    """A path that was asked for; only valid UTF-8 is."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OutputUnreadable(f"The answer names {raw[:80]!r}, which was not asked for.") from error
