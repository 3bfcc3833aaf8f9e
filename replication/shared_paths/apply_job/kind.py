"""How `shared_paths` is known to the engine, the pages and the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import Role
from replication.configuration.core.configuration import config_resources
from replication.configuration.core.file_plans import content_of
from replication.files.core.changes import Change
from replication.jobs.core.plan_json import PlanCodec
from replication.jobs.kinds import Kind
from replication.jobs.models import Job
from replication.shared_paths.apply_job.runner import SharedPathsRunner
from replication.shared_paths.core.apply_plans import (
    FORMER,
    MOVED,
    PATHS_TEXT,
    SHARED,
    SHARED_PATHS,
    NodeWords,
    PathsPlan,
)


def parse_options(raw: Mapping[str, Any]) -> dict[str, Any]:
    """`to`: shared (the default) or former. `moved`: what the folders hold lies in its new place already."""
    strange = ", ".join(sorted(set(raw) - {"to", MOVED}))
    if strange:
        raise ValidationError({"options": f"Unknown option: {strange}. Those of this kind are to and {MOVED}."})
    to, moved = raw.get("to", SHARED), raw.get(MOVED, False)
    if to not in (SHARED, FORMER):
        raise ValidationError({"options": f"to is {SHARED} or {FORMER}."})
    if not isinstance(moved, bool):
        raise ValidationError({"options": f"{MOVED} is true or false."})
    return {"to": to, MOVED: moved}


def resources(job: Job) -> tuple[str, ...]:
    """No replication meanwhile."""
    return config_resources(job.cluster_id)


def _manner(options: Mapping[str, Any]) -> str:
    return "back to the former paths" if options.get("to") == FORMER else ""


# It is on no list of the page that requests jobs: the page of shared paths asks for it.
KIND = Kind(
    word=SHARED_PATHS,
    label="Apply shared paths",
    runner=SharedPathsRunner(),
    parse_options=parse_options,
    resources=resources,
    codec=PlanCodec(SHARED_PATHS, Change, NodeWords, PathsPlan, makes_sense=Change.makes_sense),
    text=PATHS_TEXT,
    content=content_of,
    role=Role.ADMINISTRATOR,  # who says where the folders lie
    manner=_manner,
    lasts=True,
)
