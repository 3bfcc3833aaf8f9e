"""How often the same was refused: who tries all day must fill neither the audit log nor the memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile

HOUR = 3600.0
SAID = 10
"""So many of the same within an hour are said one by one; then the hundredth, the thousandth, and so on."""

MOST = 2000
"""Different ones that are counted at once; what is more counts as one, of its act."""

OTHERS = "(others)"  # brackets cannot be part of a user name


@dataclass(frozen=True, slots=True)
class Refusal:
    """What counts as the same: who (a user, or nobody known), by which door, from where, which act, on what."""

    actor: str
    via: str
    remote_address: str | None
    action: str
    object_id: str = ""


@dataclass(slots=True)
class _Window:
    until: float
    count: int = 0
    said: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    """`number`: which one of its hour this is. `is_said`: whether it is to be said by itself. `rest`: of hours that are
    over, how many more there were than was said."""

    number: int
    is_said: bool
    rest: tuple[tuple[Refusal, int], ...]


class Tally:
    """Counts within hours that begin with the first of each. Of this process alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[Refusal, _Window] = {}  # the oldest first

    def add(self, refusal: Refusal) -> Count:
        """Count one."""
        with self._lock:
            rest = self._over()
            if refusal not in self._windows and len(self._windows) >= MOST:
                refusal = replace(refusal, actor=OTHERS, remote_address=None, object_id="")
            window = self._windows.setdefault(refusal, _Window(self._clock() + HOUR))
            window.count += 1
            is_said = window.count <= SAID or str(window.count).rstrip("0") == "1"
            if is_said:
                window.said = window.count
            return Count(window.count, is_said, rest)

    def _over(self) -> tuple[tuple[Refusal, int], ...]:
        now = self._clock()
        over = list(takewhile(lambda one: one[1].until <= now, self._windows.items()))
        for refusal, _ in over:
            del self._windows[refusal]
        return tuple((refusal, one.count - one.said) for refusal, one in over if one.count > one.said)

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._windows.clear()
