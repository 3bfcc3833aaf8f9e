"""How many nodes are worked on at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from replication.jobs.driving import _width
from replication.jobs.models import Job
from replication.jobs.width import FILES_AT_ONCE, LEAST, at_once


@pytest.fixture(autouse=True)
def workers(settings):
    settings.PORTAL = replace(settings.PORTAL, target_workers=32)


def test_small_parts_take_all_places_and_large_ones_few():
    assert at_once(0) == at_once(FILES_AT_ONCE / 32) == 32
    assert at_once(FILES_AT_ONCE / 10) == 10
    assert at_once(FILES_AT_ONCE) == LEAST


def test_a_job_is_as_wide_as_its_steps_and_its_listings_allow():
    assert _width(Job(plan_summary={})) == 32
    assert _width(Job(plan_summary={"changes": 40 * FILES_AT_ONCE // 10, "nodes": 40})) == 10
    assert _width(Job(plan_summary={"changes": 0, "nodes": 40, "files": 20_000})) == 12
