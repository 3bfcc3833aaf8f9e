"""The join wizard's pages over rows: what it ticks, what it says stands against the joining, and what it was told."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages

from nodes.clusters.models import PathOverride
from nodes.enums import Joining, NodeRole
from nodes.registry.models import Node
from nodes.registry.services.nodes import NodeChange, update_node
from replication.jobs.models import Job
from replication.membership.selectors.wizard import WizardStep, progress_of
from tests.factories import make_node

pytestmark = pytest.mark.django_db


@pytest.fixture
def primary(cluster) -> Node:
    return make_node(cluster, "mx0", role=NodeRole.PRIMARY, joining=Joining.REGISTERED)


@pytest.fixture
def node(cluster, primary) -> Node:
    return make_node(cluster, "mx1", joining=Joining.REGISTERED)


@pytest.fixture
def console(console_for, administrator):
    return console_for(administrator)


@pytest.fixture
def chief(administrator, principal_for):
    return principal_for(administrator)


def told(answer) -> list[tuple[str, str]]:
    """What the next page says of an act: level and words."""
    return [(message.level_tag, message.message) for message in get_messages(answer.wsgi_request)]


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"pattern": "App/x.dat", "path_class": "nonsense"}, "Class: Select a valid choice"),
        ({"pattern": "", "path_class": "config"}, "Path or pattern: This field is required"),
    ],
)
def test_a_path_that_was_not_sorted_is_not_said_to_be(console, node, typed, complaint) -> None:
    answer = console.post(f"/nodes/{node.pk}/join/path-class/", typed)

    ((level, words),) = told(answer)
    assert (level, words[: len(complaint)]) == ("error", complaint)
    assert not PathOverride.objects.exists()


def compared(node: Node, **fields) -> Job:
    """A comparison that came to its end, with everybody there."""
    values = {"kind": "replicate", "state": "succeeded", "requester": "x", "dry_run": True, "node_ids": [node.pk]}
    return Job.objects.create(cluster=node.cluster, **{**values, **fields})


def ticked(node: Node) -> bool:
    """Whether the wizard takes "What differs" for done."""
    node = Node.objects.select_related("cluster").get(pk=node.pk)
    return {step.step: step.state for step in progress_of(node).steps}[WizardStep.DIFFERENCES] == "done"


@pytest.mark.parametrize("whole_cluster", [False, True])
def test_only_a_comparison_since_its_registration_counts(console, node, whole_cluster) -> None:
    job = compared(node, node_ids=[] if whole_cluster else [node.pk])
    assert ticked(node)
    Job.objects.update(created_at=node.created_at - timedelta(seconds=1))

    assert not ticked(node)
    page = console.get(f"/nodes/{node.pk}/join/?step=differences").content.decode()
    assert "None." not in page
    assert f"#{job.pk}" not in page


@pytest.mark.parametrize(
    "fields",
    [{"node_ids": [0]}, {"dry_run": False}, {"state": "failed"}, {"plan_summary": {"away": ["mx1"]}}],
    ids=["of another node", "no comparison", "came to nothing", "the node was away"],
)
def test_a_comparison_that_did_not_see_the_node_does_not_count(node, fields) -> None:
    compared(node, **fields)

    assert not ticked(node)


def test_a_comparison_of_what_stood_there_before_does_not_count(chief, node, primary) -> None:
    moved: list[Callable[[], object]] = [
        lambda: update_node(chief, node_id=node.pk, change=NodeChange(address="192.0.2.77")),
        lambda: update_node(chief, node_id=node.pk, change=NodeChange(install_root="/srv/mail")),
        lambda: update_node(chief, node_id=primary.pk, change=NodeChange(install_root="/srv/mail")),
        lambda: make_primary(chief, make_node(node.cluster, "mx9"), instead_of=primary),
    ]
    for move in moved:
        compared(node)
        assert ticked(node)
        move()
        assert not ticked(node)
    update_node(chief, node_id=node.pk, change=NodeChange(name="mx1b"))
    compared(node)
    assert ticked(node)


def make_primary(chief, node: Node, *, instead_of: Node) -> None:
    update_node(chief, node_id=instead_of.pk, change=NodeChange(role=NodeRole.SECONDARY))
    update_node(chief, node_id=node.pk, change=NodeChange(role=NodeRole.PRIMARY))


def test_a_busy_cluster_pushes_no_comparison_out_of_sight(node) -> None:
    compared(node)
    busy = Job(cluster=node.cluster, kind="replicate", state="succeeded", requester="system")
    Job.objects.bulk_create(copy(busy) for _ in range(60))

    assert ticked(node)
