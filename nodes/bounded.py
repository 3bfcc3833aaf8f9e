"""What a process remembers of work that it has done before, within a bound."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def _one(_: object) -> int:
    return 1


class Bounded(Generic[K, V]):
    """Values by key, of which the longest unused go once all together weigh more than `most`; the newest stays.
    `weigh`: what a value weighs; each counts 1 where nothing is said. Safe for threads."""

    def __init__(self, most: int, weigh: Callable[[V], int] = _one) -> None:
        self._most, self._weigh = most, weigh
        self._lock = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()
        self._weight = 0

    def get(self, key: K) -> V | None:
        """What is remembered; it is used."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def keep(self, key: K, value: V) -> None:
        """Remember a value, in place of the one before."""
        with self._lock:
            self._drop(key)
            self._values[key] = value
            self._weight += self._weigh(value)
            while self._weight > self._most and len(self._values) > 1:
                self._drop(next(iter(self._values)))

    def take(self, key: K) -> V | None:
        """What is remembered, which is forgotten with that."""
        with self._lock:
            return self._drop(key)

    def forget(self) -> None:
        """Remember nothing."""
        with self._lock:
            self._values.clear()
            self._weight = 0

    def _drop(self, key: K) -> V | None:
        value = self._values.pop(key, None)
        self._weight -= self._weigh(value) if value is not None else 0
        return value
