"""The portal's own way to a folder on a file server: SMB 2 and 3, signed, one connection for one act.

Which addresses: only the server that an administrator named in a path and whose login was entered for it. Nothing that
a server answers leads anywhere else: neither symbolic links nor DFS are followed, and the password never leaves this
machine, only a proof that it is known.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from smbprotocol.exceptions import SMBException, SMBResponseException
from smbprotocol.file_info import (
    FileDispositionInformation,
    FileFsFullSizeInformation,
    FileInformationClass,
    FileRenameInformation,
)
from smbprotocol.open import (
    CreateDisposition,
    CreateOptions,
    FileAttributes,
    ImpersonationLevel,
    Open,
    ShareAccess,
    SMB2QueryDirectoryResponse,
    SMB2QueryInfoRequest,
    SMB2QueryInfoResponse,
    SMB2SetInfoRequest,
)
from smbprotocol.open import (
    FilePipePrinterAccessMask as Access,
)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

from nodes.enums import CellReason
from nodes.platforms.unc import UncPath
from nodes.remote.session import Space
from nodes.remote.shares import Login, ShareBusy, ShareError
from nodes.remote.smb_errors import ROOM, explain
from nodes.remote.smb_wire import BoundedConnection, Deadline

PIECE = 64 * 1024
"""Bytes of one write or read; what every server takes, for one credit."""

LEAST_PIECE = 1024

MOST_SPACE = 2**62

MOST_NAMES = 1000
"""Of a listing; more of our own temporary names there never are."""

LONGEST_NAME = 2 * 255
"""Bytes of a name in a listing."""

_ALL = ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE
_READ = Access.FILE_READ_DATA | Access.FILE_READ_ATTRIBUTES
_WRITE = Access.FILE_WRITE_DATA | Access.FILE_READ_ATTRIBUTES
_WRITE_BIT = Access.FILE_WRITE_DATA
_NO_MORE_FILES, _NO_SUCH_FILE = 0x80000006, 0xC000000F
_GONE = frozenset({0xC0000034, 0xC000003A})
_TO_READ_ONLY = "Share it with the right to change, and give the account that right."


@contextmanager
def open_share(path: UncPath, login: Login, *, seconds: float) -> Iterator[ShareFolder]:
    """A folder of a share, for an act that ends within `seconds`, all waits together. Raises ShareError. The folder
    itself need not exist."""
    if path.server.casefold() != login.server.casefold():
        raise ValueError("a login is for one file server")
    connection = BoundedConnection(path.server, login.port, Deadline(seconds))
    try:
        yield _entered(connection, path, login)
    finally:
        connection.end()


def _entered(connection: BoundedConnection, path: UncPath, login: Login) -> ShareFolder:
    """The share, after a login. Raises ShareError."""
    with _told(connection, met=False):
        connection.connect()
    with _told(connection):
        session = _logged_in(connection, login)
        tree = TreeConnect(session, str(path.root))
        tree.connect()
        tree.is_dfs_share = False  # what is sent are the share's own names, never DFS's
    return ShareFolder(path, tree)


def _logged_in(connection: BoundedConnection, login: Login) -> Session:
    session = Session(connection, login.username, login.password.reveal(), require_encryption=False)
    try:
        session.connect()
    except SMBResponseException:
        raise
    except SMBException as error:
        if session.session_id is None:  # it was let in as a guest, and can sign nothing
            raise ShareError(
                CellReason.WRONG_LOGIN,
                "The file server knows no such login and lets it in as a guest only.",
                "Check the portal's login for this file server.",
            ) from error
        raise
    finally:
        session.password = None
    return session


@contextmanager
def _told(connection: BoundedConnection, *, met: bool = True) -> Iterator[None]:
    """Raise whatever goes wrong as a ShareError, without what the library or the server said."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the library reads what a stranger sends, and may stumble anyhow
        raise explain(connection.cause(error), met=met) from None


@dataclass(frozen=True, slots=True)
class ShareFolder:
    """A folder on a connected share. Names are single names in it. Every verb raises ShareError; for one thread."""

    path: UncPath
    _tree: Any

    def create(self, name: str) -> datetime:
        """Make an empty file that must not exist; answer when the file server's clock says that was. Raises
        ShareExists."""
        with self._writing(), self._open(name, _WRITE, CreateDisposition.FILE_CREATE, share=0) as one:
            at: datetime = one.last_write_time
            return at if at.tzinfo else at.replace(tzinfo=UTC)

    def write(self, name: str, content: bytes) -> None:
        """Write into a file from its beginning, and see that it is on the server's disk."""
        with self._writing(), self._open(name, _WRITE) as one:
            piece = _piece(one.connection.max_write_size)
            for start in range(0, len(content), piece):
                part = content[start : start + piece]
                if one.write(part, start) != len(part):
                    raise ShareError(CellReason.FULL, "The file server took only a part of a file.", ROOM)
            one.flush()

    def read(self, name: str, *, most: int) -> bytes:
        """A file's content, up to `most` bytes of it."""
        held = b""
        with self._told(), self._open(name, _READ) as one:
            piece = _piece(one.connection.max_read_size)
            while len(held) < min(most, one.end_of_file):
                part = one.read(len(held), min(piece, most - len(held)))
                if not part:
                    break
                held += part
        return held[:most]

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold a file open so that nobody else can open it. Raises ShareBusy where somebody else has it."""
        with ExitStack() as until:
            with self._writing():
                until.enter_context(self._open(name, _READ | _WRITE, share=0))
            yield
            with self._told():
                until.close()

    def is_held(self, name: str) -> bool:
        """Whether somebody holds a file so."""
        try:
            with self._told(), self._open(name, _READ):
                return False
        except ShareBusy:
            return True

    def rename(self, name: str, new: str) -> None:
        """Give a file another name, never in the place of another. Raises ShareExists."""
        renamed = FileRenameInformation()
        renamed["file_name"] = self._name(new)
        with self._writing(), self._open(name, Access.DELETE | Access.FILE_READ_ATTRIBUTES) as one:
            self._set(one, renamed)

    def remove(self, name: str) -> None:
        """Remove a file; already gone is fine."""
        with self._writing():
            try:
                with self._open(name, Access.DELETE) as one:
                    self._set(one, _disposed())
            except SMBResponseException as error:
                if error.status not in _GONE:
                    raise

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names in the folder that begin with `prefix`, which holds no wildcard; at most MOST_NAMES."""
        found: list[str] = []
        with self._told(), self._open("", Access.FILE_READ_DATA, folder=True) as one:
            while len(found) < MOST_NAMES and (some := self._listed(one, f"{prefix}*")) is not None:
                found += (name for name in some if name.startswith(prefix))
        return tuple(found[:MOST_NAMES])

    def space(self) -> Space:
        """Bytes that this login may still write, and what the disk holds in all."""
        with self._told(), self._open("", Access.FILE_READ_ATTRIBUTES, folder=True) as one:
            asked = FileFsFullSizeInformation()
            query = SMB2QueryInfoRequest()
            query["info_type"], query["file_info_class"] = asked.INFO_TYPE, asked.INFO_CLASS
            query["file_id"], query["output_buffer_length"] = one.file_id, len(asked)
            answer = SMB2QueryInfoResponse()
            answer.unpack(self._asked(query))
            asked.unpack(answer["buffer"].get_value())
            unit = asked["sectors_per_unit"].get_value() * asked["bytes_per_sector"].get_value()
            free, total = asked["caller_available_units"].get_value(), asked["total_allocation_units"].get_value()
            return Space(_bytes(free * unit), _bytes(total * unit))

    def round_trip(self) -> float:
        """Seconds that the smallest question and its answer take."""
        with self._told():
            began = time.monotonic()
            self._connection.echo(self._tree.session.session_id)
            return time.monotonic() - began

    @property
    def _connection(self) -> BoundedConnection:
        connection: BoundedConnection = self._tree.session.connection
        return connection

    def _told(self) -> AbstractContextManager[None]:
        return _told(self._connection)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """`_told`, and a denial told apart by what the share lets this login do at most."""
        try:
            with self._told():
                yield
        except ShareError as error:
            if error.reason is CellReason.DENIED and not self._connection.maximal_access & _WRITE_BIT:
                raise ShareError(
                    CellReason.READ_ONLY, "The share lets this account read only.", _TO_READ_ONLY
                ) from None
            raise

    @contextmanager
    def _open(
        self,
        name: str,
        access: int,
        disposition: int = CreateDisposition.FILE_OPEN,
        *,
        share: int = _ALL,
        folder: bool = False,
    ) -> Iterator[Any]:
        one = Open(self._tree, self._name(name))
        kind = CreateOptions.FILE_DIRECTORY_FILE if folder else CreateOptions.FILE_NON_DIRECTORY_FILE
        attributes = FileAttributes.FILE_ATTRIBUTE_DIRECTORY if folder else FileAttributes.FILE_ATTRIBUTE_NORMAL
        one.create(ImpersonationLevel.Impersonation, access, attributes, share, disposition, kind)
        try:
            yield one
        except BaseException:
            with suppress(Exception):  # what went wrong first is what is told
                one.close()
            raise
        one.close()

    def _name(self, name: str) -> str:
        return "\\".join([*self.path.folders, *([name] if name else [])])

    def _set(self, one: Any, value: Any) -> None:
        change = SMB2SetInfoRequest()
        change["info_type"], change["file_info_class"] = value.INFO_TYPE, value.INFO_CLASS
        change["file_id"], change["buffer"] = one.file_id, value
        self._asked(change)

    def _asked(self, message: Any) -> bytes:
        """The body of the answer."""
        session = self._tree.session
        request = session.connection.send(message, session.session_id, self._tree.tree_connect_id)
        body: bytes = session.connection.receive(request)["data"].get_value()
        return body

    def _listed(self, one: Any, pattern: str) -> list[str] | None:
        """The next names of a listing; None at its end."""
        query, _ = one.query_directory(pattern, FileInformationClass.FILE_NAMES_INFORMATION, send=False)
        try:
            body = self._asked(query)
        except SMBResponseException as error:
            if error.status in (_NO_MORE_FILES, _NO_SUCH_FILE):
                return None
            raise
        answer = SMB2QueryDirectoryResponse()
        answer.unpack(body)
        return list(_names(answer["buffer"].get_value()))


def _names(listing: bytes) -> Iterator[str]:
    """The names of a FileNamesInformation list: the way to the next, an index, the name's length, the name. Raises
    ValueError for what no file is called: entries may lie within each other, and each name hold all of the list."""
    at = 0
    while True:
        following, _, length = struct.unpack_from("<LLL", listing, at)
        if length > LONGEST_NAME:
            raise ValueError("a name of an impossible length")
        yield listing[at + 12 : at + 12 + length].decode("utf-16-le", "replace")
        if not following:
            return
        at += max(following, 12)


def _disposed() -> Any:
    value = FileDispositionInformation()
    value["delete_pending"] = True
    return value


def _piece(most: int) -> int:
    """Bytes of one write or read, by what the server says that it takes."""
    if most < LEAST_PIECE:
        raise ValueError("a file server that takes nothing")
    return min(PIECE, most)


def _bytes(count: int) -> int:
    """A number of bytes that the database keeps, whatever a server says."""
    return max(0, min(count, MOST_SPACE))
