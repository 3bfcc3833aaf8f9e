"""How rows are written by many threads of one process without treading on each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction

_TURN = threading.Lock()


@contextmanager
def write_transaction() -> Iterator[None]:
    """A transaction. On SQLite the process' threads take turns before they ask the database: its own way of waiting is
    to sleep for up to 0.1 s and look again, which would cost more than the write. Nothing slow belongs inside."""
    # who is inside a transaction already holds the database and must not queue behind those who wait for it
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        with transaction.atomic():
            yield
        return
    with _turn() as over, transaction.atomic():
        transaction.on_commit(over)  # the first thing after the commit: messages to workers are sent out of turn
        yield


@contextmanager
def _turn() -> Iterator[Callable[[], None]]:
    """Hold the turn until the block ends or the yielded function is called, whichever is first."""
    _TURN.acquire()
    mine = [True]

    def over() -> None:
        if mine and mine.pop():
            _TURN.release()

    try:
        yield over
    finally:
        over()
