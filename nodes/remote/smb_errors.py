"""What file servers answer and sockets raise, told in the words of `CellReason`.

Texts of the library and of the server stay behind; of what a server said only its status number is shown.
"""

from __future__ import annotations

import socket

from smbprotocol.exceptions import SMBAuthenticationError, SMBConnectionClosed, SMBResponseException

from nodes.enums import CellReason
from nodes.remote.shares import ShareBusy, ShareError, ShareExists
from nodes.remote.smb_wire import Unsigned
from nodes.remote.ssh_errors import why_unreachable

_LOGINS = {
    0xC000006D: "the user name or the password is wrong",
    0xC000006A: "the password is wrong",
    0xC0000064: "it has no such user",
    0xC000006E: "the account may not log in with what it has, such as an empty password",
    0xC000006F: "the account may not log in at this time of day",
    0xC0000070: "the account may not log in from the portal's machine",
    0xC0000071: "the password has expired",
    0xC0000072: "the account is disabled",
    0xC000015B: "the account may not log in over the network",
    0xC000018B: "its own account in the domain is not valid",
    0xC000018D: "its own account in the domain is not valid",
    0xC000005E: "it reaches no domain controller to ask",
    0xC0000193: "the account has expired",
    0xC0000224: "the password must be changed first",
    0xC0000234: "the account is locked",
    0xC0000413: "the account may not log in to this server",
}
"""Why a login is refused, by status."""

_LOGIN = "Check the portal's login for this file server."
_RIGHTS = "Give the account the right to read, write and delete, on the share and on the folder."
ROOM = "Make room on its disk, or raise the account's quota."
_NAME = "Look at the path's folders on the file server."
_RUNS = "See that it runs, and that its firewall lets the portal's machine in."

_STATUSES: dict[int, tuple[CellReason, str, str]] = {
    0xC00000CC: (CellReason.NO_SHARE, "The file server has no such share.", "See how it names the share."),
    0xC00000C9: (CellReason.NO_SHARE, "The file server ended the share.", "See that it still shares the folder."),
    0xC00000CB: (CellReason.NO_SHARE, "What bears the share's name is no folder.", "See how it names the share."),
    0xC0000022: (CellReason.DENIED, "The file server denies access.", _RIGHTS),
    0xC00000CA: (CellReason.DENIED, "The file server denies access over the network.", _RIGHTS),
    0xC0000061: (CellReason.DENIED, "The account lacks a right that this takes.", _RIGHTS),
    0xC0000121: (CellReason.DENIED, "The file server lets nobody delete it.", _RIGHTS),
    0xC000007F: (CellReason.FULL, "The share is full.", ROOM),
    0xC0000044: (CellReason.FULL, "The account's quota on the share is used up.", ROOM),
    0xC00000A2: (CellReason.READ_ONLY, "The share's disk is write-protected.", "Let the file server write to it."),
    0xC0000034: (CellReason.NO_FOLDER, "There is no such folder or file on the share.", _NAME),
    0xC000003A: (CellReason.NO_FOLDER, "There is no such folder on the share.", _NAME),
    0xC000000F: (CellReason.NO_FOLDER, "There is no such folder or file on the share.", _NAME),
    0xC0000103: (CellReason.NO_FOLDER, "What bears the folder's name is a file.", _NAME),
    0xC0000033: (CellReason.NO_FOLDER, "The file server takes no such name.", "Choose plain names for the folders."),
    0xC0000039: (CellReason.NO_FOLDER, "The file server takes no such path.", "Choose plain names for the folders."),
    0xC000003B: (CellReason.NO_FOLDER, "The file server takes no such path.", "Choose plain names for the folders."),
    0xC0000106: (CellReason.TOO_LONG, "The path is too long for the file server.", "Choose shorter names."),
    0xC00000B5: (CellReason.SLOW, "The file server itself did not finish in time.", "Look at its disks and its load."),
    0xC00000D0: (CellReason.UNREACHABLE, "The file server takes no further connections.", "Look at its load."),
    0xC0000205: (CellReason.UNREACHABLE, "The file server has no resources left.", "Look at its load."),
    0xC0000257: (
        CellReason.OTHER,
        "The path leads on to another file server (DFS), where the portal does not follow.",
        "Enter the path on the file server that holds the folder.",
    ),
    0x8000002D: (
        CellReason.OTHER,
        "The path leads through a symbolic link, which the portal does not follow.",
        "Enter the path that the link stands for.",
    ),
}
_BUSY = frozenset({0xC0000043, 0xC0000054, 0xC0000056})
_TAKEN = 0xC0000035


def explain(error: Exception, *, met: bool) -> ShareError:
    """What went wrong, in our words. `met`: whether the server spoke SMB and let the portal in."""
    if isinstance(error, ShareError):
        return error
    if isinstance(error, SMBResponseException):
        return of_status(error.status)
    if isinstance(error, TimeoutError):
        return _late(met)
    if isinstance(error, socket.gaierror | UnicodeError) and not met:
        return ShareError(
            CellReason.NO_HOST,
            "No file server is known by this name.",
            "The portal's machine asks DNS: enter a DNS name that it knows, or an address.",
        )
    return _lost(error, met)


def _late(met: bool) -> ShareError:
    if met:
        return ShareError(CellReason.SLOW, "The file server took too long to answer.", "Look at its line and its load.")
    return ShareError(CellReason.UNREACHABLE, "The file server did not answer in time.", _RUNS)


def _lost(error: Exception, met: bool) -> ShareError:
    """The connection broke, was never made, or brought what is no SMB."""
    if isinstance(error, SMBAuthenticationError):
        return ShareError(CellReason.WRONG_LOGIN, "The file server and the portal agree on no way to log in.", _LOGIN)
    if isinstance(error, SMBConnectionClosed | ConnectionError) and met:
        return ShareError(CellReason.UNREACHABLE, "The connection to the file server broke.", _RUNS)
    if isinstance(error, SMBConnectionClosed):
        return ShareError(CellReason.UNREACHABLE, "The file server ended the connection at once.", _RUNS)
    if isinstance(error, OSError):
        return ShareError(
            CellReason.UNREACHABLE, f"The file server does not answer. {why_unreachable(error).detail}", _RUNS
        )
    return _not_understood(error, met)


def _not_understood(error: Exception, met: bool) -> ShareError:
    if isinstance(error, Unsigned):
        return ShareError(
            CellReason.OTHER, "An answer of the file server was not signed.", "See that nothing stands between."
        )
    if met:
        return ShareError(
            CellReason.OTHER, "The file server answered what SMB does not know.", "Look at its log and its version."
        )
    return ShareError(
        CellReason.OTHER,
        "What answers there does not speak SMB 2 or newer.",
        "See that the address and the port are the file server's.",
    )


def of_status(status: int) -> ShareError:
    """What a status of the protocol says."""
    if status in _LOGINS:
        return ShareError(CellReason.WRONG_LOGIN, f"The file server refuses the login: {_LOGINS[status]}.", _LOGIN)
    if status in _BUSY:
        return ShareBusy(CellReason.OTHER, "A program holds the file.", "Try again; exclude the folder from scanners.")
    if status == _TAKEN:
        return ShareExists(CellReason.OTHER, "There is a file or folder of this name already.")
    reason, text, remedy = _STATUSES.get(
        status,
        (CellReason.OTHER, f"The file server refuses with status 0x{status:08X}.", "Look at its log."),
    )
    return ShareError(reason, text, remedy)
