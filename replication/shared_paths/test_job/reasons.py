"""What an error of a node means for a folder on a share. Where SFTP's own word is vague the node is asked for more."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from nodes.connection.connect import NodeLink
from nodes.enums import CellReason
from nodes.errors import (
    LimitBroken,
    NodeError,
    NoSpace,
    OutputUnreadable,
    RemoteBusy,
    RemoteDenied,
    RemoteFileMissing,
    SessionLost,
    TimedOut,
    Unreachable,
)
from nodes.platforms.unc import UncPath
from nodes.shares.reasons import NO_CREDENTIALS, Reason, ask_reason
from replication.shared_paths.core.share_tests import STEPS
from replication.shared_paths.test_job.spots import Spot

HUNG = (TimedOut, SessionLost, LimitBroken, Unreachable)
"""After these a session is of no use."""

LONGEST_NAME = 255
"""Bytes of a file's name on the systems that are known."""

LONGEST_PATH = 260
"""Characters of a path that Windows programs take which do not ask for more."""

NAME = 64
"""Characters of a test file's name at most; a mail server's own are no shorter."""


UNTOLD = (
    "Work in {path} failed, and the node was not told why. See on {server} that the disk takes writes, that no quota "
    "is reached, and that no scanner holds new files."
)
"""Test files have names of their own, so nobody else holds them open: what SFTP calls a mere failure is the disk's."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges errors of one node. `by_key`: the portal logs in by a key, which Windows gives no rights on other
    machines."""

    link: NodeLink
    login: str
    by_key: bool

    @property
    def windows(self) -> bool:
        """Whether the node reaches shares by their own paths."""
        return self.link.platform.name == "windows"

    def of_error(self, error: NodeError, spot: Spot) -> Reason:
        """Why a step failed in a folder. Raises none of the session's errors."""
        if isinstance(error, NoSpace):
            return Reason(CellReason.FULL, f"The share is full: {error.detail or 'no space is left.'}")
        if isinstance(error, RemoteBusy | OutputUnreadable) and self._is_too_long(spot):
            text = f"The path is too long for the node: {len(str(spot.path))} characters; choose shorter names."
            return Reason(CellReason.TOO_LONG, text)
        if isinstance(error, RemoteBusy) and self._read_only(spot):
            return Reason(CellReason.READ_ONLY, "The share's disk takes no writes; see to it on the file server.")
        return self._asked(spot.path, spot.folder) or self._plain(error, spot.path)

    def hung(self, error: NodeError, step: str, seconds: float, path: UncPath, folder: str) -> Reason:
        """The node stopped answering over a step."""
        words = STEPS[step].lower()
        if isinstance(error, TimedOut):
            text = f"No answer within {seconds:.0f} s ({words}): {path.server} is slow, or does not answer the node."
            return self._asked(path, folder) or Reason(CellReason.SLOW, text)
        if isinstance(error, SessionLost | Unreachable):
            return Reason(CellReason.OTHER, f"The connection to the node broke ({words}). {error.detail}".strip())
        return Reason(CellReason.SLOW, f"{error} ({words})")

    def absent(self, error: NodeError | None, share: UncPath, root: str) -> Reason:
        """The share itself is not there for the node. `root`: where it should be."""
        if not self.windows and not isinstance(error, RemoteDenied):
            why = f" {error}" if error else ""
            return Reason(CellReason.NOT_MOUNTED, f"There is no folder {root} on it, where {share} should be.{why}")
        asked = self._asked(share, root)
        if asked is None and error is None:
            text = f"It finds no {share}: there is no such file server, or no such share."
            return Reason(CellReason.NO_SHARE, text)
        return asked or self._plain(error or RemoteFileMissing(), share)

    def _plain(self, error: NodeError, path: UncPath) -> Reason:
        """By SFTP's word alone."""
        if isinstance(error, RemoteDenied):
            if self.windows and self.by_key:
                return Reason(CellReason.NO_CREDENTIALS, NO_CREDENTIALS)
            text = f"Access to {path} is denied; give {self.login} the right to change files there."
            return Reason(CellReason.DENIED, text)
        if isinstance(error, RemoteFileMissing):
            return Reason(CellReason.NO_FOLDER, f"{path} is not there; make the folder, or correct the path.")
        if isinstance(error, RemoteBusy):
            return Reason(CellReason.OTHER, UNTOLD.format(path=path, server=path.server))
        return Reason(CellReason.OTHER, str(error))

    def _asked(self, path: UncPath, folder: str) -> Reason | None:
        """In the system's own words; None where it cannot be asked, or opens the folder."""
        session, platform, seconds = self.link.session, self.link.platform, settings.PORTAL.question
        try:
            return ask_reason(session, platform, folder, path, by_key=self.by_key, timeout=seconds)
        except NodeError:
            return None

    def _is_too_long(self, spot: Spot) -> bool:
        if self.windows:
            return len(str(spot.path)) + NAME >= LONGEST_PATH
        return any(len(part.encode()) > LONGEST_NAME for part in spot.folder.split("/"))

    def _read_only(self, spot: Spot) -> bool:
        try:
            space = self.link.session.free_space(spot.folder)
        except NodeError:
            return False
        return space is not None and space.read_only
