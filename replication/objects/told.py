"""What a process was told of contents a moment ago, so that it need not ask the database again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import inf

REMEMBERED = 100_000
"""Contents of which is remembered when they were told of."""
WAIT_SECONDS = 0.5
"""How often whoever waits for another's turn gives a sign of life."""


class Told:
    """When something was told of contents, by their ids. Many nodes need the same contents at the same moment: one
    thread asks in its turn, and those that wait for it ask only of what it did not. Safe for threads."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._lock = threading.Lock()

    def untold(self, ids: Iterable[str], seconds: float) -> list[str]:
        """Those of these ids, in order, of which nothing was told so lately."""
        now = time.monotonic()
        return sorted(id_ for id_ in set(ids) if now - self._at.get(id_, -inf) >= seconds)

    def tell(self, id_: str) -> None:
        """It is so now."""
        if len(self._at) > REMEMBERED:
            self._at.clear()
        self._at[id_] = time.monotonic()

    def forget(self, id_: str) -> None:
        """It is so no more."""
        self._at.pop(id_, None)

    @contextmanager
    def turn(self, progress: Callable[[int], None] = lambda _: None) -> Iterator[None]:
        """Wait until nobody else asks; a turn is to be short. `progress`: told meanwhile that 0 bytes came."""
        while not self._lock.acquire(timeout=WAIT_SECONDS):
            progress(0)
        try:
            yield
        finally:
            self._lock.release()
