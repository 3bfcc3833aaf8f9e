"""Whom the watch serves, also where the clock was moved."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from nodes.errors import AuthRejected
from nodes.facts.models import NodeFacts
from replication.configuration.core.configuration import REPLICATE
from replication.configuration.models import Baseline
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.models import Job, Target
from replication.watch.selectors.served import served_by_watch
from tests.factories import make_node

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("read", "ended", "is_served"),
    [(-60, -30, False), (-30, -60, True), (-30, 7200, True)],
    ids=["refused since", "read since", "refused before the clock was set back"],
)
def test_a_node_that_refused_the_portal_is_served_again(cluster, read, ended, is_served):
    node = make_node(cluster)
    now = timezone.now()
    Baseline.objects.create(node=node, root="r", proven_at=now)
    NodeFacts.objects.create(node=node, read_at=now + timedelta(seconds=read))
    job = Job.objects.create(kind=REPLICATE, cluster=cluster, requester="system", state=JobState.FAILED)
    refused = {"state": TargetState.FAILED, "error_code": AuthRejected.code}
    Target.objects.create(job=job, node=node, ended_at=now + timedelta(seconds=ended), **refused)
    assert (served_by_watch(cluster).nodes == {node.pk}) is is_served
