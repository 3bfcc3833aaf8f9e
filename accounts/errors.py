"""Refusals that any service may raise and every face understands. A leaf: plain exceptions, no framework."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Reason:
    """One of several things in the way. `code` is stable for programs; `text` is the evidence, `remedy` what to do."""

    code: str
    text: str
    remedy: str


class Conflict(Exception):
    """The request contradicts the present state: nothing was changed. `detail` says what and what to do about it;
    `reasons` says it one by one where there may be several."""

    default_code: ClassVar[str] = "conflict"

    def __init__(self, detail: str, *, code: str = "", reasons: tuple[Reason, ...] = ()) -> None:
        self.detail = detail
        self.code = code or self.default_code
        self.reasons = reasons
        super().__init__(detail)


class Stale(Conflict):
    """The row changed since the caller read it (optimistic locking by `version`)."""

    default_code = "stale"

    def __init__(self, detail: str = "It was changed meanwhile. Read it again, then repeat your change.") -> None:
        super().__init__(detail)
