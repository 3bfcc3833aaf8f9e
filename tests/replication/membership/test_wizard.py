"""The join wizard's pages over rows: what it ticks, what it says stands against the joining, and what it was told."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages

from nodes.clusters.models import PathOverride
from nodes.enums import Joining, NodeRole
from nodes.registry.models import Node
from tests.factories import make_node

pytestmark = pytest.mark.django_db


@pytest.fixture
def primary(cluster) -> Node:
    return make_node(cluster, "mx0", role=NodeRole.PRIMARY)


@pytest.fixture
def node(cluster, primary) -> Node:
    return make_node(cluster, "mx1", joining=Joining.REGISTERED)


@pytest.fixture
def console(console_for, administrator):
    return console_for(administrator)


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
