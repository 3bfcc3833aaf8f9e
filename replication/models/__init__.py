"""The rows of this room."""

from replication.models.history import Baseline, Conflict, Origin, Snapshot
from replication.models.job import Job, JobEvent, Leased, ResourceLock, Target, WriteStop
from replication.models.watch import Watch

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
    "WriteStop",
]
