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
from replication.objects.models import ContentPart, NameKey, StoredContent
from replication.watch.models import Watch, WatchMemory

__all__ = [
    "Baseline",
    "Conflict",
    "ContentPart",
    "Job",
    "JobEvent",
    "Leased",
    "NameKey",
    "Origin",
    "ResourceLock",
    "Snapshot",
    "StoredContent",
    "Target",
    "Watch",
    "WatchMemory",
    "Worker",
    "WriteStop",
]
