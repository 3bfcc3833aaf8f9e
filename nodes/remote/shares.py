"""Words about folders on file servers: how the portal logs in, what a test of one came to, and why one does not work.
No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from nodes.enums import CellReason
from nodes.remote.session import Space
from nodes.secret import Secret


class Login(Protocol):
    r"""Who the portal is on a file server. `username` may name a domain: `DOMAIN\name` or `name@domain`."""

    @property
    def server(self) -> str:
        """The only server that is shown this login, as paths name it."""
        ...

    @property
    def port(self) -> int:
        """Its TCP port."""
        ...

    @property
    def username(self) -> str:
        """The name, with the domain it is of."""
        ...

    @property
    def password(self) -> Secret:
        """What proves it."""
        ...


class ShareError(Exception):
    """A folder on a file server does not work. `text`: a sentence that says what happened; `remedy`: one that says what
    to do. Neither holds anything that the server said but numbers."""

    def __init__(self, reason: CellReason, text: str, remedy: str = "") -> None:
        self.reason, self.text, self.remedy = reason, text, remedy
        super().__init__(f"{text} {remedy}".strip())


class ShareBusy(ShareError):
    """Somebody holds the file open and lets nobody else in."""


class ShareExists(ShareError):
    """The name is taken."""


@dataclass(frozen=True, slots=True)
class ShareProbe:
    """What a test of a folder from here came to. `reason` None: it works. `steps`: the seconds that each step took, by
    its name, in order, up to the one that failed. `latency`: seconds of a small round trip. `clock_offset`: seconds
    that the file server is ahead."""

    reason: CellReason | None = None
    text: str = ""
    remedy: str = ""
    steps: Mapping[str, float] = field(default_factory=dict)
    latency: float | None = None
    space: Space | None = None
    clock_offset: float | None = None
