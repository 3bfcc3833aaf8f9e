"""What an error of a node means for a folder on a share, as far as the node tells."""

from __future__ import annotations

from dataclasses import dataclass

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
from nodes.remote.session import Space
from replication.shared_paths.test_job.spots import Fault, Spot

HUNG = (TimedOut, SessionLost, LimitBroken, Unreachable)
"""After these a session is of no use."""

LONGEST_NAME = 255
"""Bytes of a file's name on the systems that are known."""

LONGEST_PATH = 260
"""Characters of a path that Windows programs take which do not ask for more."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges errors of one node. `by_key`: the portal logs in by a key, which Windows gives no rights on other
    machines."""

    windows: bool
    by_key: bool

    def of_error(self, error: NodeError, spot: Spot, link: NodeLink) -> Fault:
        """Why a step failed in a folder. A refusal without a reason is looked into: the volume may be read-only."""
        if isinstance(error, RemoteDenied):
            return self.denied(str(spot.path))
        if isinstance(error, NoSpace):
            return Fault(CellReason.FULL, f"Nothing more can be written: {error.detail or 'no space is left'}")
        if isinstance(error, RemoteFileMissing):
            return Fault(CellReason.NO_FOLDER, f"{spot.path} is not there.")
        if isinstance(error, RemoteBusy | OutputUnreadable) and self._is_too_long(spot):
            return Fault(CellReason.TOO_LONG, f"The path of {len(str(spot.path))} characters is too long for the node.")
        if isinstance(error, RemoteBusy) and _read_only(link, spot):
            return Fault(CellReason.READ_ONLY, "The volume is mounted read-only.")
        return Fault(CellReason.OTHER, str(error))

    def denied(self, path: str) -> Fault:
        """The node may not do it."""
        if self.windows and self.by_key:
            text = (
                f"Windows denies access to {path}: a login by key has no rights on other machines. Give the node a"
                " credential with a password."
            )
            return Fault(CellReason.NO_CREDENTIALS, text)
        return Fault(CellReason.DENIED, f"Access to {path} is denied.")

    def hung(self, error: NodeError, words: str, seconds: float) -> Fault:
        """The node stopped answering over a step."""
        if isinstance(error, TimedOut):
            text = f"No answer within {seconds:.0f} s ({words}): the file server is slow, or does not answer the node."
            return Fault(CellReason.SLOW, text)
        if isinstance(error, SessionLost):
            return Fault(CellReason.OTHER, f"The connection to the node broke ({words}). {error.detail}".strip())
        return Fault(CellReason.SLOW, f"{error} ({words})")

    def absent(self, error: NodeError | None, share: str, root: str) -> Fault:
        """The share itself is not there for the node. `root`: where it should be."""
        if isinstance(error, RemoteDenied):
            return self.denied(share)
        if not self.windows:
            why = f" {error}" if error else ""
            return Fault(CellReason.NOT_MOUNTED, f"There is no folder {root} on it, where {share} should be.{why}")
        if error is None or isinstance(error, RemoteFileMissing):
            return Fault(CellReason.NO_SHARE, f"It finds no {share}: no such file server, or no such share.")
        return Fault(CellReason.OTHER, f"{share}: {error}")

    def _is_too_long(self, spot: Spot) -> bool:
        if self.windows:
            return len(spot.folder) >= LONGEST_PATH - 40
        return any(len(part.encode()) > LONGEST_NAME - 60 for part in spot.folder.split("/"))


def _read_only(link: NodeLink, spot: Spot) -> bool:
    try:
        space: Space | None = link.session.free_space(spot.folder)
    except NodeError:
        return False
    return space is not None and space.read_only
