"""A Celery worker for tests: the real one, with an eye on the engine's step boundaries.

`KILL_AT=name:count` ends this process by SIGKILL when a boundary of that name is reached for the count-th time;
`KILL_MARK` names a file that remembers that it happened, so that it happens once however often workers start. `SEEN`
names a file that every boundary is appended to. `KILL_ORDERS` names a file in which a test orders a death, written as
in `KILL_AT`, while workers run: whichever of them reaches that boundary for the count-th time among them all dies.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clusterportal.settings")
django.setup()

from clusterportal.celery import app  # noqa: E402
from replication.jobs import failpoints  # noqa: E402

LOCK = threading.Lock()
COUNTS: dict[str, int] = {}


def observe(name: str) -> None:
    """Write the boundary down; die where asked."""
    with LOCK:
        COUNTS[name] = COUNTS.get(name, 0) + 1
        seen = os.environ.get("SEEN")
        if seen:
            with Path(seen).open("a") as lines:
                lines.write(name + "\n")
        wanted, _, count = os.environ.get("KILL_AT", "").rpartition(":")
        mark = Path(os.environ.get("KILL_MARK", "/nonexistent/mark"))
        if wanted == name and COUNTS[name] == int(count) and not mark.exists():
            mark.write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)
        if "KILL_ORDERS" in os.environ and is_ordered(Path(os.environ["KILL_ORDERS"]), name):
            os.kill(os.getpid(), signal.SIGKILL)


def is_ordered(orders: Path, name: str) -> bool:
    """Whether this is the death that was ordered. The order is gone afterwards; workers count together."""
    try:
        wanted, _, count = orders.read_text().rpartition(":")
    except FileNotFoundError:
        return False
    if wanted != name:
        return False
    with orders.with_suffix(".hits").open("ab") as hits:
        fcntl.flock(hits, fcntl.LOCK_EX)
        hits.write(b".")
        hits.flush()
        if hits.tell() != int(count):
            return False
        orders.unlink(missing_ok=True)
    return True


if __name__ == "__main__":
    failpoints.OBSERVERS.append(observe)
    app.worker_main(sys.argv[1:])
