"""Which secondaries are looked at: those of a watched cluster that are there and at rest; one query for any number."""

from __future__ import annotations

import pytest
from django.utils import timezone

from nodes.enums import Clustering, Health, Joining, NodeRole
from replication.configuration.models import Baseline
from replication.drift.selectors import nodes_to_compare, worked_on_since
from replication.jobs.core.states import TargetState
from replication.jobs.models import Job, Target
from replication.watch.models import Watch
from tests.factories import make_cluster, make_node

pytestmark = pytest.mark.django_db


@pytest.fixture
def watched():
    cluster = make_cluster()
    Watch.objects.create(cluster=cluster)
    make_node(cluster, "primary", role=NodeRole.PRIMARY)
    return cluster


def _proven(cluster, name: str, **fields):
    node = make_node(cluster, name, **fields)
    Baseline.objects.create(node=node, root="1" * 64, proven_at=timezone.now())
    return node


@pytest.mark.parametrize("count", [1, 3])
def test_the_secondaries_of_a_watched_cluster(count, watched, django_assert_num_queries) -> None:
    nodes = [_proven(watched, f"mx{number}") for number in range(count)]
    with django_assert_num_queries(1):
        assert [(node, node.cluster, node.baseline.root) for node in nodes_to_compare()] == [
            (node, watched, "1" * 64) for node in nodes
        ]


@pytest.mark.parametrize(
    "fields",
    [
        {"health": Health.DOWN},
        {"health": Health.DEGRADED},
        {"quarantined_reason": "another key"},
        {"joining": Joining.LEAVING},
    ],
)
def test_who_cannot_be_asked_or_is_no_server_is_left_alone(fields, watched) -> None:
    _proven(watched, "mx1", **fields)
    make_node(watched, "mx2")  # nothing was proven on it
    assert nodes_to_compare() == []


@pytest.mark.parametrize("fields", [{"paused": True}, {"clustering": Clustering.OFF}])
def test_a_cluster_at_rest_is_left_alone(fields, watched) -> None:
    _proven(watched, "mx1")
    type(watched).objects.update(**fields)
    assert nodes_to_compare() == []


def test_a_cluster_that_is_not_watched_is_left_alone(watched) -> None:
    _proven(watched, "mx1")
    Watch.objects.update(enabled=False)
    assert nodes_to_compare() == []


def test_who_is_worked_on_is_left_alone_and_what_was_seen_meanwhile_is_void(watched) -> None:
    node, other = _proven(watched, "mx1"), _proven(watched, "mx2")
    began = timezone.now()
    job = Job.objects.create(cluster=watched, kind="replicate", requester="system")
    target = Target.objects.create(job=job, node=node, state=TargetState.RUNNING)
    assert nodes_to_compare() == [other]
    assert worked_on_since(began, [node.pk, other.pk]) == {node.pk}
    Target.objects.filter(pk=target.pk).update(state=TargetState.CANCELLED, ended_at=timezone.now())
    assert nodes_to_compare() == [node, other]
    assert worked_on_since(began, [node.pk, other.pk]) == {node.pk}
    assert worked_on_since(timezone.now(), [node.pk, other.pk]) == set()
