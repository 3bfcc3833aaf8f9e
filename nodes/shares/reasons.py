r"""Why a folder on a share is not there for a node, asked where SFTP's own answer is too coarse: Win32-OpenSSH tells
"not found", "denied" and "failure", and a system that mounts shares an empty folder where none is mounted.

The numbers are Windows' own ([MS-ERREF] 2.2), so no language matters.
"""

from __future__ import annotations

from dataclasses import dataclass

from nodes.enums import CellReason
from nodes.errors import OutputUnreadable, Unsupported
from nodes.platforms.base import Mount, Platform
from nodes.platforms.unc import UncPath
from nodes.remote.session import Session

NO_CREDENTIALS = (
    "The portal logs in to this node by key, and Windows gives such a login no rights on other machines: store a "
    "password for the node's login, and choose it for the node."
)

MOST_SAID = 64 * 1024
"""Bytes of an answer of a few words."""

_LOGINS = {
    86: "the password is wrong",
    1272: "it would let the node in as a guest only, which Windows forbids",
    1326: "the user name or the password is wrong",
    1327: "the account is restricted, such as one without a password",
    1328: "the account may not log in at this time of day",
    1329: "the account may not log in from this node",
    1330: "the password has expired",
    1331: "the account is disabled",
    1385: "the account may not log in over the network",
    1396: "it is another server than the name says",
    1789: "the node's own account in the domain is not valid",
    1793: "the account has expired",
    1907: "the password must be changed first",
    1909: "the account is locked",
}
"""Why a file server lets a node's login not in."""

_REASONS = {
    CellReason.NO_HOST: (11001,),
    CellReason.UNREACHABLE: (51, 53, 54, 55, 59, 64, 121, 1225, 1231, 1232, 1236, 1311, 1460),
    CellReason.NO_SHARE: (66, 67),
    CellReason.NO_FOLDER: (2, 3, 161, 267),
    CellReason.DENIED: (5, 65),
    CellReason.NO_CREDENTIALS: (1312,),
    CellReason.WRONG_LOGIN: tuple(_LOGINS),
    CellReason.FULL: (39, 112, 1295),
    CellReason.READ_ONLY: (19,),
    CellReason.TOO_LONG: (111, 206),
}
_BY_NUMBER = {number: reason for reason, numbers in _REASONS.items() for number in numbers}

_NEEDS_CREDENTIALS = frozenset({CellReason.DENIED, CellReason.WRONG_LOGIN, CellReason.NO_CREDENTIALS})
"""What a login without credentials for other machines gets to hear."""

_TEXTS = {
    CellReason.NO_HOST: "The node knows no server called {server}; correct the name, or enter it in DNS.",
    CellReason.UNREACHABLE: "{server} does not answer the node; see that it runs, and that no firewall stands between.",
    CellReason.NO_SHARE: "{server} has no share {share}; correct the name, or share the folder there.",
    CellReason.NO_FOLDER: "{path} is not there; make the folder, or correct the path.",
    CellReason.DENIED: "{server} denies the node's login access to {path}; give it the right to change files there, on "
    "the share and on the folder.",
    CellReason.NO_CREDENTIALS: NO_CREDENTIALS,
    CellReason.WRONG_LOGIN: "{server} refuses the node's login: {why}. Give it an account there.",
    CellReason.FULL: "The share is full; make room on {server}.",
    CellReason.READ_ONLY: "The share's disk takes no writes; see to it on {server}.",
    CellReason.TOO_LONG: "The path is too long for Windows; choose shorter names.",
    CellReason.OTHER: "Windows does not open {path}: error {number}. `net helpmsg {number}` on it says what that is.",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a folder does not work from a node; the sentence names the remedy."""

    reason: CellReason
    text: str


def reason_of(number: int, path: UncPath, *, by_key: bool) -> Reason:
    """What a Win32 error means for a folder on a share. `by_key`: the portal logs in to the node by a key."""
    reason = _BY_NUMBER.get(number, CellReason.OTHER)
    if by_key and reason in _NEEDS_CREDENTIALS:
        reason = CellReason.NO_CREDENTIALS
    named = {"server": path.server, "share": path.share, "path": path, "number": number}
    return Reason(reason, _TEXTS[reason].format(**named, why=_LOGINS.get(number, "")))


def ask_reason(
    session: Session, platform: Platform, folder: str, path: UncPath, *, by_key: bool, timeout: float
) -> Reason | None:
    """Why a Windows node does not open a folder on a share; None where it opens, or where the node cannot be asked: it
    is no Windows, lacks the portal's scripts, gives no shell. `folder`: the path as SFTP spells it. `timeout`: seconds;
    Windows itself waits up to a minute for a file server that is silent. Raises the session's errors, TimedOut among
    them."""
    command = platform.share_number(folder)
    if command is None:
        return None
    try:
        said = session.run(platform.spell(command), timeout=timeout, max_output=MOST_SAID)
        number = platform.parse_share_number(said)
    except (OutputUnreadable, Unsupported):
        return None
    return reason_of(number, path, by_key=by_key) if number else None


def ask_volume(session: Session, platform: Platform, folder: str, *, timeout: float) -> Mount | None:
    """On what a folder (an SFTP path) lies; None where the node cannot be asked: it has UNC paths, gives no shell.
    Raises the session's errors."""
    command = platform.mount(folder)
    if command is None:
        return None
    try:
        return platform.parse_mount(session.run(platform.spell(command), timeout=timeout, max_output=MOST_SAID))
    except (OutputUnreadable, Unsupported):
        return None


def not_mounted(volume: Mount, folder: str) -> Reason | None:
    """Why a folder (an SFTP path) is no share that is mounted; None where it is one. Something may be shared all the
    same, such as by a link or a cluster's own file system, so this explains what is seen to be missing, and proves
    nothing."""
    if ":" in volume.source or volume.source.startswith("//") or volume.point == folder.rstrip("/"):
        return None
    place = f"it lies on {volume.source}, which is mounted at {volume.point}"
    return Reason(CellReason.NOT_MOUNTED, f"Nothing is mounted at {folder}: {place}. Mount the share there.")
