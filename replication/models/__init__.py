"""The rows of this room."""

from replication.models.history import Baseline, Conflict, Origin, Snapshot
from replication.models.job import Job, JobEvent, Leased, ResourceLock, Target, WriteStop
from replication.models.watch import Watch
from replication.models.worker import Worker

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
    "Worker",
    "WriteStop",
]
