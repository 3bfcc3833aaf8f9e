"""What the portal's own temporary names on a node begin with. A name that only begins so is a file like any other: what
is ours is told by the exact form (`replication/files/apply/names.py`). The advice on antivirus in docs/windows.md names
the beginning, too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

PREFIX = ".cp~"

SELF_TEST = f"{PREFIX}selftest-"
"""Of a self-test's scratch files: then eight hex digits and a letter."""

SELF_TEST_FILE = re.compile(re.escape(SELF_TEST) + r"[0-9a-f]{8}[abc]")

SHARE_TEST = f"{PREFIX}share-"
"""Of a share test's files: then cluster, target and fence as numbers with dots between, and a letter. `p` are those
that the portal makes by itself, over SMB."""

SHARE_TEST_FILE = re.compile(re.escape(SHARE_TEST) + r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,18})(?:[abc]|p(?:-b)?)")


class Moving(StrEnum):
    """How far a message is moved from one queue to another, by what its file is called. CLAIMED: the mail server sees
    it no longer; COPIED: its copy is whole; both are still the message itself. COPY: the copy, where it shall go. MARK:
    no message, but a sign that the copies were made here."""

    CLAIMED = "c"
    COPIED = "p"
    COPY = "t"
    MARK = "m"


@dataclass(frozen=True, slots=True)
class MovingName:
    """`tag`: whose copy it is, `<node>.<target>.<fence>`; "" for a CLAIMED one. `name`: what the message is called."""

    step: Moving
    tag: str
    name: str

    def __str__(self) -> str:
        """What the file is called: by no other ending than its own is it found, short names of Windows' included."""
        return f"{PREFIX}queue-{self.step}{self.tag}-{self.name}.cpq"


_MOVING = re.compile(
    re.escape(PREFIX) + r"queue-(?:c|(?P<step>[ptm])(?P<tag>[0-9]{1,19}\.[0-9]{1,19}\.[0-9]{1,19}))-(?P<name>.*)\.cpq",
    re.DOTALL,
)


def moving_name(name: str) -> MovingName | None:
    """What a file's name says of a message that is moved; None where it is no such name."""
    match = _MOVING.fullmatch(name)
    return MovingName(Moving(match["step"] or Moving.CLAIMED), match["tag"] or "", match["name"]) if match else None
