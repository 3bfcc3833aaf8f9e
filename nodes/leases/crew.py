"""The threads in which a worker process works on nodes. Whoever hangs takes none that others wait for.

The few threads of the message queue only hand over. Work goes into lanes, a lane for each kind of work and each cluster
(or whatever else it is for); a lane has a limit of its own and there is none for all together, so that a lane whose
threads all hang keeps only itself waiting.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import DatabaseError

from accounts.database import fault
from nodes.leases.worker import SHUTTING_DOWN, closing

_LOG = logging.getLogger(__name__)

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Lane:
    """Work of one `kind` for one cluster (`of`; 0: for no cluster), of which `at_once` pieces are done at once."""

    kind: str
    of: int
    at_once: int


@dataclass(slots=True)
class _Row:
    """What is done in a lane, and what waits for its turn, by key."""

    busy: set[int] = field(default_factory=set)
    waiting: dict[int, Work] = field(default_factory=dict)

    def next(self) -> int | None:
        """The first that waits and of which nothing is under way."""
        return next((key for key in self.waiting if key not in self.busy), None)


class Crew:
    """Threads by lane. Safe for threads. Until it is opened, work is done by whoever asks for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rows: dict[Lane, _Row] = {}
        self._is_open = False

    def open(self) -> None:
        """From now on work is done in threads: this process is a worker."""
        self._is_open = True

    def do(self, lane: Lane, key: int, work: Work) -> None:
        """Have it done in its turn. Of one key one piece at most is done at a time, and one at most waits: asked for
        meanwhile, it is done once more afterwards."""
        if not self._is_open:
            work()
            return
        with self._changed:
            self._rows.setdefault(lane, _Row()).waiting[key] = work
            self._fill(lane)

    def close(self) -> None:
        """Begin nothing more, and wait until what was begun is done."""
        with self._changed:
            self._is_open = False
            for row in self._rows.values():
                row.waiting.clear()
            self._changed.wait_for(lambda: not any(row.busy for row in self._rows.values()))

    def _fill(self, lane: Lane) -> None:
        row = self._rows[lane]
        while len(row.busy) < lane.at_once and not SHUTTING_DOWN.is_set() and (key := row.next()) is not None:
            row.busy.add(key)
            thread = threading.Thread(target=self._run, args=(lane, key, row.waiting.pop(key)), name=lane.kind)
            thread.start()

    def _run(self, lane: Lane, key: int, work: Work) -> None:
        try:
            closing(work)
        except DatabaseError as error:
            _LOG.warning("%s %s was not done: %s", lane.kind, key, error, exc_info=fault(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the lane goes on
            _LOG.error("%s %s failed", lane.kind, key, exc_info=error)
        finally:
            self._ended(lane, key)

    def _ended(self, lane: Lane, key: int) -> None:
        with self._changed:
            row = self._rows[lane]
            row.busy.discard(key)
            self._fill(lane)
            if not row.busy and not row.waiting:
                del self._rows[lane]
            self._changed.notify_all()


CREW = Crew()
"""This process's."""
