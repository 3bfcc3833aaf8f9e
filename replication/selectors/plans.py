"""What is kept of plans and snapshots in the object store, read back for people. Content of files is never read here."""

from __future__ import annotations

import json
from dataclasses import dataclass

from replication.core.manifest import Problem
from replication.core.plan import Plan
from replication.core.plan_json import load
from replication.models import Job, Snapshot
from replication.objects import default_store


@dataclass(frozen=True, slots=True)
class Findings:
    """What a scan of the primary could not handle: problems by path, and paths nobody has sorted into a class."""

    problems: tuple[Problem, ...] = ()
    unclassified: tuple[str, ...] = ()


def stored_plan(job: Job) -> Plan | None:
    """The job's plan; None while there is none. Raises ValueError where what is stored is no plan."""
    return load(default_store().get(job.plan_object)) if job.plan_object else None


def findings_of(snapshot: Snapshot | None) -> Findings:
    """What the snapshot's scan found."""
    if snapshot is None or not snapshot.findings_object:
        return Findings()
    document = json.loads(default_store().get(snapshot.findings_object))
    return Findings(
        problems=tuple(Problem(*entry) for entry in document["problems"]),
        unclassified=tuple(document["unclassified"]),
    )
