"""The rows of this room."""

from replication.configuration.models import (
    Baseline,
    Conflict,
    Origin,
    Snapshot,
)
from replication.jobs.models import (
    Job,
    JobEvent,
    Leased,
    ResourceLock,
    Target,
    Worker,
    WriteStop,
)
from replication.watch.models import Watch, WatchMemory

__all__ = [
    "Baseline",
    "Conflict",
    "Job",
    "JobEvent",
    "Leased",
    "Origin",
    "ResourceLock",
    "Snapshot",
    "Target",
    "Watch",
    "WatchMemory",
    "Worker",
    "WriteStop",
]
