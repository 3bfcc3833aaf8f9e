"""SFTP version 3 (draft-ietf-secsh-filexfer-02) as bytes: what requests and answers look like. No I/O.

Answers come from a server that may lie: everything is bounded, and what does not fit raises OutputUnreadable.
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass
from enum import IntEnum

from nodes.errors import LimitBroken, OutputUnreadable, Unsupported
from nodes.remote.session import FileKind, RemoteEntry, RemoteStat, Space

VERSION = 3
NS = 1_000_000_000
LATEST_MTIME = 2**32 - 1

LARGEST_VOLUME = 2**63 - 1
"""Bytes; what a database can keep."""

READ_ONLY = 1
"""Of the flags of a volume: it takes no writes."""

LONGEST_PATH = 32 * 1024
"""Bytes; Windows' own limit, which no other system's is above."""

LONGEST_HANDLE = 256
"""Bytes, by the protocol."""

LONGEST_NAME = 1024
"""Bytes; file systems hold names of 255 characters, which are 765 bytes at most."""


class Kind(IntEnum):
    """Packet types."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    REALPATH = 16
    RENAME = 18
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200
    EXTENDED_REPLY = 201


class Status(IntEnum):
    """Status codes of version 3."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    OP_UNSUPPORTED = 8


class OpenFlag(IntEnum):
    """How a file is opened."""

    READ = 0x01
    WRITE = 0x02
    CREATE = 0x08
    EXCLUSIVE = 0x20


class Extension:
    """Names of OpenSSH's extensions that are used where a server offers them."""

    HARDLINK = "hardlink@openssh.com"
    POSIX_RENAME = "posix-rename@openssh.com"
    STATVFS = "statvfs@openssh.com"
    FSYNC = "fsync@openssh.com"


EXTENSIONS = frozenset({Extension.HARDLINK, Extension.POSIX_RENAME, Extension.STATVFS, Extension.FSYNC})

_SIZE, _OWNERS, _PERMISSIONS, _TIMES, _EXTENDED = 0x1, 0x2, 0x4, 0x8, 0x80000000
_KINDS = {stat.S_IFREG: FileKind.FILE, stat.S_IFDIR: FileKind.FOLDER, stat.S_IFLNK: FileKind.LINK}


def string(data: bytes) -> bytes:
    """A length and the bytes."""
    return struct.pack(">I", len(data)) + data


def path_bytes(path: str) -> bytes:
    """A path as a string field. Raises Unsupported for what no SFTP path can hold, ValueError for a relative path."""
    if not path.startswith("/"):
        raise ValueError(f"an SFTP path starts with /: {path!r}")
    if "\0" in path:  # a server in C would cut the path there and act on another file
        raise Unsupported("A path cannot hold a NUL character.")
    try:
        spelled = path.encode()
    except UnicodeEncodeError as exc:
        raise Unsupported(f"This name cannot be spelled in UTF-8: {path!r}.") from exc
    if len(spelled) > LONGEST_PATH:
        raise Unsupported(f"A path of {len(spelled)} bytes is longer than any system has: {path[:80]!r} ...")
    return string(spelled)


def times(mtime_ns: int) -> bytes:
    """Attributes that set the modification time (and the access time, as SFTP knows no other way)."""
    seconds = min(max(mtime_ns // NS, 0), LATEST_MTIME)
    return struct.pack(">III", _TIMES, seconds, seconds)


NO_ATTRIBUTES = struct.pack(">I", 0)


@dataclass(slots=True)
class Fields:
    """Reads one field after the other. Raises OutputUnreadable past the end."""

    data: bytes
    position: int = 0

    def _take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise OutputUnreadable("An SFTP answer is cut short.")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def number(self) -> int:
        """32 bits, unsigned."""
        return int.from_bytes(self._take(4), "big")

    def long_number(self) -> int:
        """64 bits, unsigned."""
        return int.from_bytes(self._take(8), "big")

    def string(self) -> bytes:
        """A length and so many bytes."""
        return self._take(self.number())

    @property
    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self.position >= len(self.data)

    def attributes(self) -> RemoteStat:
        """File attributes; what the server leaves out counts as zero."""
        flags = self.number()
        size = self.long_number() if flags & _SIZE else 0
        if flags & _OWNERS:
            self._take(8)
        mode = self.number() if flags & _PERMISSIONS else 0
        mtime = struct.unpack(">II", self._take(8))[1] if flags & _TIMES else 0
        if flags & _EXTENDED:
            for _ in range(self.number()):
                self.string()
                self.string()
        kind = _KINDS.get(stat.S_IFMT(mode), FileKind.OTHER)
        return RemoteStat(kind, size, mtime * NS, stat.S_IMODE(mode))


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, its request's number already taken off."""

    kind: int
    body: bytes

    @property
    def status(self) -> int | None:
        """The status code, None where the answer is no status."""
        return Fields(self.body).number() if self.kind == Kind.STATUS else None

    def fields(self, expected: Kind) -> Fields:
        """The answer's fields. Raises OutputUnreadable if it is of another kind."""
        if self.kind != expected:
            raise OutputUnreadable(f"An SFTP answer is of kind {self.kind} instead of {int(expected)}.")
        return Fields(self.body)

    def handle(self) -> bytes:
        """The handle of an opened file or folder, as a string field. Raises OutputUnreadable for a longer one than the
        protocol allows: it goes back with each request."""
        handle = self.fields(Kind.HANDLE).string()
        if len(handle) > LONGEST_HANDLE:
            raise OutputUnreadable(f"The server gives a handle of {len(handle)} bytes.")
        return string(handle)

    def stat(self) -> RemoteStat:
        """Attributes of one file."""
        return self.fields(Kind.ATTRS).attributes()

    def entries(self, folder: str) -> list[RemoteEntry]:
        """Names of a folder. Raises OutputUnreadable for names that would lead out of it, LimitBroken for endless
        ones."""
        fields = self.fields(Kind.NAME)
        found = []
        for _ in range(fields.number()):
            raw = fields.string()
            fields.string()  # the line an `ls -l` would show
            attributes = fields.attributes()
            if raw not in (b".", b".."):
                found.append(_entry(folder, raw, attributes))
        return found

    def absolute_path(self) -> str:
        """The one path a REALPATH is answered by. Raises OutputUnreadable for what is no absolute path."""
        fields = self.fields(Kind.NAME)
        count, raw = fields.number(), fields.string()
        try:
            path = raw.decode()
        except UnicodeDecodeError as exc:
            raise OutputUnreadable("The login's folder is not spelled in UTF-8.") from exc
        if count != 1 or not path.startswith("/") or "\0" in path:
            raise OutputUnreadable(f"The server gives {path[:200]!r} for the login's folder.")
        return path

    def space(self) -> tuple[Space, bool]:
        """What statvfs tells: bytes and flags, and whether the volume is out of file entries."""
        fields = self.fields(Kind.EXTENDED_REPLY)
        values = [fields.long_number() for _ in range(10)]
        _, block, total, _, free, files, _, files_free, _, flags = values
        if max(free, total) * block > LARGEST_VOLUME:
            raise OutputUnreadable("The server gives a volume more bytes than there are anywhere.")
        return Space(free * block, total * block, bool(flags & READ_ONLY)), files > 0 and files_free == 0


def _entry(folder: str, raw: bytes, attributes: RemoteStat) -> RemoteEntry:
    if len(raw) > LONGEST_NAME:
        raise LimitBroken(f"{folder} lists a name of {len(raw)} bytes. Look at its SFTP server.")
    if not raw or b"/" in raw or b"\0" in raw:
        raise OutputUnreadable(f"{folder} lists an impossible name.")
    try:
        return RemoteEntry(raw.decode(), attributes)
    except UnicodeDecodeError:
        return RemoteEntry(raw.decode(errors="backslashreplace"), attributes, raw)


def extensions_in(version_body: bytes) -> dict[str, str]:
    """Those of `Extension` that a server's VERSION packet offers. Raises OutputUnreadable, Unsupported for an older
    protocol."""
    fields = Fields(version_body)
    if fields.number() < VERSION:
        raise Unsupported("The server speaks an SFTP older than version 3.")
    found = {}
    while not fields.at_end:
        name, value = fields.string().decode(errors="replace"), fields.string()
        if name in EXTENSIONS:
            found[name] = value[:LONGEST_NAME].decode(errors="replace")
    return found
