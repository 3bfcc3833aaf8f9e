"""Refusals that any service may raise and every face understands. A leaf: plain exceptions, no framework."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One of several things in the way. `code` is stable for programs; `text` is the evidence, `remedy` what to do."""

    code: str
    text: str
    remedy: str


class Refused(Exception):
    """What was asked contradicts the present state: nothing was changed. `code` is stable for programs; `text` says
    what stands against it, `remedy` what to do ("" where nothing can be done); `reasons` says both one by one where
    there may be several. A person reads `detail`."""

    def __init__(self, code: str, text: str, remedy: str = "", *, reasons: tuple[Reason, ...] = ()) -> None:
        self.code = code
        self.text = text
        self.remedy = remedy
        self.reasons = reasons
        super().__init__(self.detail)

    @property
    def detail(self) -> str:
        """All of it in one paragraph."""
        words = [self.text, self.remedy, *(f"{reason.text} {reason.remedy}" for reason in self.reasons)]
        return " ".join(word.strip() for word in words if word.strip())


class Stale(Refused):
    """The row changed since the caller read it (optimistic locking by `version`)."""

    def __init__(self) -> None:
        super().__init__("stale", "It was changed meanwhile.", "Read it again, then repeat your change.")
