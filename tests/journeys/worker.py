"""A Celery worker for tests: the real one, with an eye on the engine's step boundaries.

`KILL_AT=name:count` ends this process by SIGKILL when a boundary of that name is reached for the count-th time;
`KILL_MARK` names a file that remembers that it happened, so that it happens once however often workers start. `SEEN`
names a file that every boundary is appended to.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clusterportal.settings")
django.setup()

from clusterportal.celery import app  # noqa: E402
from replication.jobs import boundaries  # noqa: E402

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


if __name__ == "__main__":
    boundaries.OBSERVERS.append(observe)
    app.worker_main(sys.argv[1:])
