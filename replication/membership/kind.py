"""How `leave` is known to the engine, the pages and the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import Role
from nodes.enums import Joining, NodeRole
from nodes.registry.models import Node
from replication.configuration.core.configuration import config_resources
from replication.configuration.core.file_plans import FILE_TEXT, content_of
from replication.files.core.changes import Change, NodeFiles
from replication.jobs.core.plan_json import PlanCodec
from replication.jobs.kinds import Kind, Offer, Slot
from replication.jobs.models import Job
from replication.membership.leave_job.runner import LeaveRunner
from replication.membership.services.membership import LEAVE


def parse_options(raw: Mapping[str, Any]) -> dict[str, Any]:
    """`keep`: the node keeps the replicated configuration (default: it gets back what it had)."""
    strange = ", ".join(sorted(set(raw) - {"keep"}))
    if strange:
        raise ValidationError({"options": f"Unknown option: {strange}. There is one: keep, true or false."})
    keep = raw.get("keep", False)
    if not isinstance(keep, bool):
        raise ValidationError({"options": "keep is true or false."})
    return {"keep": keep}


def resources(job: Job) -> tuple[str, ...]:
    """No replication meanwhile."""
    return config_resources(job.cluster_id)


def _is_in(node: Node) -> bool:
    return node.role == NodeRole.SECONDARY and node.joining not in (Joining.REGISTERED, Joining.LEFT)


# It is on no list of the page that requests jobs: its own page asks for the node's name.
KIND = Kind(
    word=LEAVE,
    label="Leave the cluster",
    runner=LeaveRunner(),
    parse_options=parse_options,
    resources=resources,
    codec=PlanCodec(LEAVE, Change, NodeFiles, makes_sense=Change.makes_sense),
    text=FILE_TEXT,
    content=content_of,
    role=Role.ADMINISTRATOR,  # who retries or asks again chooses anew between giving back and keeping
    offers=(
        Offer(
            Slot.NODE,
            "Leave",
            "replication:leave",
            role=Role.ADMINISTRATOR,
            icon="log-out",
            look="danger",
            title="Leave the cluster",
            lead="The server gets back what it had before joining, or keeps what it has. You see the plan first.",
            when=_is_in,
        ),
    ),
)
