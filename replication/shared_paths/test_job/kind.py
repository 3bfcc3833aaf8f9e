"""How `share_test` is known to the engine, the pages and the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from replication.jobs.core.plan_json import PlanCodec
from replication.jobs.kinds import Kind, Offer, Slot
from replication.jobs.models import Job
from replication.shared_paths.core.share_tests import SHARE_TEST_KIND, SWEEP, resource
from replication.shared_paths.test_job.runner import ShareTestRunner
from replication.shared_paths.test_job.steps import TEXT, FolderTest


def parse_options(raw: Mapping[str, Any]) -> dict[str, Any]:
    """`sweep`: only remove what earlier tests left, and try nothing."""
    strange = ", ".join(sorted(set(raw) - {SWEEP}))
    if strange:
        raise ValidationError({"options": f"Unknown option: {strange}. The one of this kind is {SWEEP}."})
    sweep = raw.get(SWEEP, False)
    if not isinstance(sweep, bool):
        raise ValidationError({"options": f"{SWEEP} is true or false."})
    return {SWEEP: True} if sweep else {}


def resources(job: Job) -> tuple[str, ...]:
    """Two tests at once would sweep each other's files."""
    return (resource(job.cluster_id),)


def _found(summary: Mapping[str, Any]) -> str:
    servers = ", ".join(summary.get("no_login", ()))
    return f"The portal itself tries no folder on {servers}: it has no login there." if servers else ""


def _manner(options: Mapping[str, Any]) -> str:
    return "only remove what earlier tests left" if options.get(SWEEP) else ""


KIND = Kind(
    word=SHARE_TEST_KIND,
    label="Test the shared paths",
    runner=ShareTestRunner(),
    parse_options=parse_options,
    resources=resources,
    codec=PlanCodec(SHARE_TEST_KIND, FolderTest, makes_sense=FolderTest.makes_sense),
    text=TEXT,
    found=_found,
    manner=_manner,
    offers=(Offer(Slot.REQUEST, order=40),),
)
"""The kind `share_test`: create, write, read, lock, rename and delete in every shared folder from every node, with
another node looking on."""
