"""What the object store keeps of plans and snapshots, read back for people. Content of files is never read here."""

from __future__ import annotations

import json
from dataclasses import dataclass

from replication.core.manifest import Problem
from replication.core.plan import Plan
from replication.core.plan_json import load
from replication.models.history import Snapshot
from replication.models.job import Job
from replication.objects import StoreError, default_store


class Unreadable(Exception):
    """What the store keeps cannot be read: it is damaged, gone, or sealed under a key that is not there."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a scan of the primary could not handle: problems by path, and paths nobody has sorted into a class."""

    problems: tuple[Problem, ...] = ()
    unclassified: tuple[str, ...] = ()


def stored_plan(job: Job) -> Plan | None:
    """The job's plan; None while there is none. Raises Unreadable."""
    if not job.plan_object:
        return None
    try:
        return load(default_store().get(job.plan_object))
    except (StoreError, OSError, ValueError) as error:
        raise Unreadable(f"The plan of job #{job.pk} cannot be read: {error}") from error


def findings_of(snapshot: Snapshot | None) -> Findings:
    """What the snapshot's scan found; nothing for no snapshot. Raises Unreadable."""
    if snapshot is None or not snapshot.findings_object:
        return Findings()
    try:
        document = json.loads(default_store().get(snapshot.findings_object))
        return Findings(
            problems=tuple(Problem(*entry) for entry in document["problems"]),
            unclassified=tuple(document["unclassified"]),
        )
    except (StoreError, OSError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"The findings of snapshot {snapshot.pk} cannot be read: {error}") from error
