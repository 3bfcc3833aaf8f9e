"""Threads of a test: what goes wrong in one is the test's, and none leaves a connection to the database open."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from django.db import connections

from tests.deadlines import PATIENCE

Answer = TypeVar("Answer")


class Thread(threading.Thread):
    """A thread whose exception is the test's."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._error: BaseException | None = None
        self.answer: Any = None

    def run(self) -> None:
        try:
            self.answer = self._work()
        except BaseException as error:  # noqa: BLE001 - raised again by `done`
            self._error = error
        finally:
            connections.close_all()

    def done(self, seconds: float = PATIENCE) -> Any:
        """Wait for it; answers what the work answered."""
        self.join(seconds)
        assert not self.is_alive(), "the thread hangs"
        if self._error:
            raise self._error
        return self.answer


def run_apart(story: Coroutine[Any, Any, Answer]) -> Answer:
    """What a story of asyncio answers. In a thread, as browser tests leave this one with a loop that runs."""
    thread = Thread(lambda: asyncio.run(story))
    thread.start()
    answer: Answer = thread.done()
    return answer


def both(work: Callable[[], Any]) -> list[Any]:
    """Let two threads do the same at the same moment; answers what each of them answered."""
    gate = threading.Barrier(2)

    def at_once() -> Any:
        gate.wait(PATIENCE)
        return work()

    threads = [Thread(at_once) for _ in range(2)]
    for thread in threads:
        thread.start()
    return [thread.done() for thread in threads]
