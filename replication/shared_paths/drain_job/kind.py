"""How `queue_move` is known to the engine, the pages and the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from replication.configuration.core.configuration import config_resources
from replication.jobs.core.plan_json import PlanCodec
from replication.jobs.kinds import Kind
from replication.jobs.models import Job
from replication.shared_paths.core.queue_moves import MOVE_TEXT, QUEUE_MOVE, FromTo, QueueMove
from replication.shared_paths.drain_job.runner import QueueMoveRunner


def parse_options(raw: Mapping[str, Any]) -> dict[str, Any]:
    """There are none."""
    if raw:
        raise ValidationError({"options": "A move of left messages has no options."})
    return {}


def resources(job: Job) -> tuple[str, ...]:
    """Where servers work must not change meanwhile."""
    return config_resources(job.cluster_id)


# It is on no list of the page that requests jobs: the page of mail routing asks for it, and so does its applying.
KIND = Kind(
    word=QUEUE_MOVE,
    label="Move messages that were left behind",
    runner=QueueMoveRunner(),
    parse_options=parse_options,
    resources=resources,
    codec=PlanCodec(QUEUE_MOVE, QueueMove, FromTo, makes_sense=QueueMove.makes_sense),
    text=MOVE_TEXT,
)
"""The kind `queue_move`: messages in a queue folder in which no server works any more go where the servers work, each
exactly once."""
