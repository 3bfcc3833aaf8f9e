"""Workers saying that they are there, busy or idle: for people, never a condition of any work."""

from __future__ import annotations

from datetime import timedelta

from nodes.leases.clock import now
from replication.jobs.models import Worker

FORGOTTEN = timedelta(days=1)
"""When the row of one that died goes."""


def note_worker(name: str, queues: str) -> None:
    """It is there; rows of those long gone go."""
    moment = now()
    Worker.objects.filter(seen_at__lt=moment - FORGOTTEN).delete()
    begun = {"queues": queues[:100], "started_at": moment, "seen_at": moment}
    Worker.objects.update_or_create(name=name, defaults={"seen_at": moment}, create_defaults=begun)


def note_worker_gone(name: str) -> None:
    """It ended as it should."""
    Worker.objects.filter(name=name).delete()
