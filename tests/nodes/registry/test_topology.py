"""The drawing of a cluster: nothing overlaps, every secondary has its line, whatever the number."""

from __future__ import annotations

import itertools

import pytest

from nodes.enums import Health, Joining, NodeRole
from nodes.registry.models import Node
from nodes.registry.topology import BOX, draw


def _cluster(secondaries: int, *, primary: bool = True) -> list[Node]:
    nodes = [Node(name="p", role=NodeRole.PRIMARY, health=Health.OK)] if primary else []
    joined = [Node(name=f"s{number}", health=Health.DOWN, joining=Joining.JOINED) for number in range(secondaries)]
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
    assert draw([Node(name="mail-frontend-frankfurt-01", health=Health.OK)]).boxes[0].name == "mail-frontend-f…"


def test_what_stands_in_a_box_fits() -> None:
    primary = Node(name="p", role=NodeRole.PRIMARY, health=Health.OK)
    assert draw([primary]).boxes[0].caption == "Primary · Healthy"
    primary.health = Health.UNKNOWN
    assert draw([primary]).boxes[0].caption == "Not yet observed"


def test_no_line_leads_to_a_node_that_has_not_joined() -> None:
    nodes = _cluster(3)
    nodes[2].joining = Joining.REGISTERED
    drawing = draw(nodes)
    assert len(drawing.edges) == 2
    assert "s1: Not joined" in drawing.summary
