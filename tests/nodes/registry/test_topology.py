"""The drawing of a cluster: nothing overlaps, every secondary has its line, whatever the number."""

from __future__ import annotations

import itertools

import pytest
from django.utils import timezone

from nodes.clusters.models import Cluster
from nodes.enums import Health, Joining, NodeRole, ReplicationMode
from nodes.registry.models import Node
from nodes.registry.topology import BOX, draw

CLUSTER = Cluster(name="mail", replication_mode=ReplicationMode.PORTAL)


def _node(name: str, **columns) -> Node:
    return Node(cluster=CLUSTER, name=name, **columns)


def _cluster(secondaries: int, *, primary: bool = True) -> list[Node]:
    nodes = [_node("p", role=NodeRole.PRIMARY, health=Health.OK)] if primary else []
    joined = [_node(f"s{number}", health=Health.DOWN, joining=Joining.JOINED) for number in range(secondaries)]
    return nodes + joined


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 9, 20])
def test_boxes_are_apart_and_inside(count) -> None:
    drawing = draw(_cluster(count))
    assert len(drawing.boxes) == count + 1
    assert len(drawing.edges) == count
    for box in drawing.boxes:
        assert 0 <= box.x <= drawing.width - BOX[0]
        assert 0 <= box.y <= drawing.height - BOX[1]
    for one, other in itertools.combinations(drawing.boxes, 2):
        assert abs(one.x - other.x) >= BOX[0] or abs(one.y - other.y) >= BOX[1]


def test_without_a_primary_there_are_no_lines() -> None:
    assert draw(_cluster(3, primary=False)).edges == ()


def test_long_names_are_shortened() -> None:
    assert draw([_node("mail-frontend-frankfurt-01", health=Health.OK)]).boxes[0].name == "mail-frontend-f…"


def test_what_stands_in_a_box_fits() -> None:
    primary = _node("p", role=NodeRole.PRIMARY, health=Health.OK)
    assert draw([primary]).boxes[0].caption == "Primary"
    primary.health = Health.UNKNOWN
    assert draw([primary]).boxes[0].caption == "Not yet observed"


def test_a_pause_stands_beside_the_verdict_and_hides_nothing() -> None:
    behind = _node("s", health=Health.OK, joining=Joining.JOINED, paused=True, behind=3)
    behind.compared_at = behind.behind_since = timezone.now()
    away = _node("t", health=Health.DOWN, joining=Joining.JOINED, paused=True)
    drawing = draw([behind, away])
    assert [box.caption for box in drawing.boxes] == ["Behind · paused", "Away · paused"]
    assert "s: Behind by 3 files since" in drawing.summary
    assert "t: Away, paused" in drawing.summary


def test_no_line_leads_to_a_node_that_has_not_joined() -> None:
    nodes = _cluster(3)
    nodes[2].joining, nodes[2].health = Joining.REGISTERED, Health.OK
    drawing = draw(nodes)
    assert len(drawing.edges) == 2
    assert "s1: Not joined" in drawing.summary
