"""Everything that can go wrong on the way to a node, in one small vocabulary.

The wire (`nodes.remote`) translates its library's exceptions into these once; nobody else sees paramiko's.
A class's docstring is its default sentence. `retryable` says whether trying again later, unchanged, can help;
a rejected password never is, so that accounts are not locked out.
"""

from __future__ import annotations

from typing import ClassVar

from nodes.one_line import one_line

LONGEST = 1000
"""Characters of what an error says of its own: it may hold a node's names and words."""


class NodeError(Exception):
    """Something went wrong while talking to the node."""

    code: ClassVar[str] = "node_error"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str = "") -> None:
        self.detail = one_line(detail, LONGEST)
        sentence = (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(f"{sentence} {self.detail}".strip())


class Unreachable(NodeError):
    """The node does not answer."""

    code = "unreachable"
    retryable = True


class AuthRejected(NodeError):
    """The node refused the user name, password or key."""

    code = "auth_rejected"


class PasswordUnbound(AuthRejected):
    """The password was not typed for this server."""

    code = "password_unbound"


class HostKeyUnknown(NodeError):
    """The node's host key has not been approved."""

    code = "host_key_unknown"


class HostKeyMismatch(NodeError):
    """The node shows another host key than the approved one."""

    code = "host_key_mismatch"

    def __init__(self, *, expected: str, shown: str, key_type: str, public_key: str) -> None:
        self.expected = expected
        self.shown = shown
        self.key_type = key_type
        self.public_key = public_key
        super().__init__(f"Approved: {expected}; shown now: {shown}.")


class SessionLost(NodeError):
    """The connection to the node broke."""

    code = "session_lost"
    retryable = True


class TimedOut(NodeError):
    """The node did not finish in time."""

    code = "timed_out"
    retryable = True


class CommandFailed(NodeError):
    """A command on the node failed."""

    code = "command_failed"


class OutputUnreadable(NodeError):
    """The node answered something the portal does not understand."""

    code = "output_unreadable"


class LimitBroken(OutputUnreadable):
    """The node broke a limit."""

    code = "limit_broken"
    retryable = True


class RemoteFileMissing(NodeError):
    """The file or folder is not there."""

    code = "file_missing"


class RemoteFileExists(NodeError):
    """The file or folder is there already."""

    code = "file_exists"


class RemoteDenied(NodeError):
    """The node denies access."""

    code = "denied"


class RemoteBusy(NodeError):
    """The file is held open by another program, or the server refused without saying why."""

    code = "busy"
    retryable = True


class FileTooLarge(NodeError):
    """The file is larger than the product profile allows."""

    code = "file_too_large"
    retryable = True


class NoSpace(NodeError):
    """The node has no space left."""

    code = "no_space"


class ChangedWhileRead(NodeError):
    """The file changed while it was being read."""

    code = "changed_while_read"
    retryable = True


class Unsupported(NodeError):
    """The node cannot do this."""

    code = "unsupported"
