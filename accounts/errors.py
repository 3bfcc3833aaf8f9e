"""Refusals that any service may raise and every face understands. A leaf: plain exceptions, no framework."""

from __future__ import annotations

from typing import ClassVar


class Conflict(Exception):
    """The request contradicts the present state: nothing was changed. `detail` says what and what to do about it."""

    default_code: ClassVar[str] = "conflict"

    def __init__(self, detail: str, *, code: str = "") -> None:
        self.detail = detail
        self.code = code or self.default_code
        super().__init__(detail)


class Stale(Conflict):
    """The row changed since the caller read it (optimistic locking by `version`)."""

    default_code = "stale"

    def __init__(self, detail: str = "It was changed meanwhile. Read it again, then repeat your change.") -> None:
        super().__init__(detail)
