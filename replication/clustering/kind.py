"""How `features` is known to the engine, the pages and the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from replication.clustering.core.features import FEATURES, OFF, RESTORE
from replication.clustering.feature_job.runner import FeaturesRunner
from replication.configuration.core.configuration import config_resources
from replication.configuration.core.file_plans import FILE_TEXT, content_of
from replication.files.core.changes import Change
from replication.jobs.core.plan_json import PlanCodec
from replication.jobs.kinds import Kind, Offer, Slot
from replication.jobs.models import Job


def parse_options(raw: Mapping[str, Any]) -> dict[str, Any]:
    """`to`: off (the default) or restore."""
    strange = ", ".join(sorted(set(raw) - {"to"}))
    if strange or raw.get("to", OFF) not in (OFF, RESTORE):
        raise ValidationError({"options": f"There is one option: to, which is {OFF} or {RESTORE}."})
    return {"to": raw.get("to", OFF)}


def resources(job: Job) -> tuple[str, ...]:
    """No replication meanwhile."""
    return config_resources(job.cluster_id)


KIND = Kind(
    word=FEATURES,
    label="Switch features that do not go with clustering",
    runner=FeaturesRunner(),
    parse_options=parse_options,
    resources=resources,
    codec=PlanCodec(FEATURES, Change, makes_sense=Change.makes_sense),
    text=FILE_TEXT,
    content=content_of,
    lasts=True,
    offers=(Offer(Slot.REQUEST, order=20),),
)
