"""What people said while work was going on: cancel, pause, stop all writes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from nodes.registry.models import Node
from replication.jobs.models import Job, WriteStop


@dataclass(frozen=True, slots=True)
class Signals:
    """What stands against going on. Sentences are for people; keys are ids of jobs and nodes."""

    writes_stopped: str = ""
    cancelled: dict[int, str] = field(default_factory=dict)
    paused_jobs: dict[int, str] = field(default_factory=dict)
    paused_nodes: dict[int, str] = field(default_factory=dict)


def write_stop_sentence() -> str:
    """Who stopped all writes and why; "" when writes are allowed."""
    stop = WriteStop.objects.filter(stopped=True).first()
    return f"all writes are stopped by {stop.by}" if stop else ""


def read_signals(job_ids: Collection[int], node_ids: Collection[int]) -> Signals:
    """Three queries for any number of jobs and nodes."""
    jobs = Job.objects.filter(pk__in=job_ids).values_list(
        "pk", "cancel_requested_at", "cancel_requested_by", "cluster__paused"
    )
    cancelled, paused = {}, {}
    for pk, cancelled_at, by, cluster_paused in jobs:
        if cancelled_at is not None:
            cancelled[pk] = f"cancelled by {by}"
        if cluster_paused:
            paused[pk] = "cluster is paused"
    nodes = Node.objects.filter(pk__in=node_ids, paused=True).values_list("pk", "name") if node_ids else ()
    return Signals(write_stop_sentence(), cancelled, paused, {pk: f"node {name} is paused" for pk, name in nodes})
