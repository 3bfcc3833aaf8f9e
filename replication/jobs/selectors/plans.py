"""What the object store keeps of plans and snapshots, read back for people. Content of files is never read here."""

from __future__ import annotations

from accounts.errors import Refused
from replication.jobs.core.plan import Plan
from replication.jobs.kinds import kind_of
from replication.jobs.models import Job
from replication.objects import StoreError, default_store


class Unreadable(Refused):
    """What the store keeps cannot be read: it is damaged, gone, or sealed under a key that is not there."""

    def __init__(self, text: str) -> None:
        super().__init__("unreadable", text)


def stored_plan(job: Job) -> Plan | None:
    """The job's plan; None while there is none. Raises Unreadable."""
    if not job.plan_object:
        return None
    kind = kind_of(job.kind)
    if kind is None:
        raise Unreadable(f"The plan of job #{job.pk} cannot be read: this portal knows no jobs of the kind {job.kind}.")
    try:
        return kind.codec.load(default_store().get(job.plan_object))
    except (StoreError, OSError, ValueError) as error:
        raise Unreadable(f"The plan of job #{job.pk} cannot be read: {error}") from error
