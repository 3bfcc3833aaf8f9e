"""The drawing of a cluster: nothing overlaps, every secondary has its line, whatever the number."""

from __future__ import annotations

import itertools

import pytest
from django.utils import timezone

from nodes.clusters.models import Cluster
from nodes.enums import Health, Joining, NodeRole, ReplicationMode
from nodes.registry.models import Node
from nodes.registry.topology import BOX, NARROW, WIDE, Box, FileServer, ServerBox, draw

CLUSTER = Cluster(name="mail", replication_mode=ReplicationMode.PORTAL)


def _node(name: str, **columns) -> Node:
    return Node(cluster=CLUSTER, name=name, **columns)


def _cluster(secondaries: int, *, primary: bool = True) -> list[Node]:
    nodes = [_node("p", role=NodeRole.PRIMARY, health=Health.OK)] if primary else []
    joined = [_node(f"s{number}", health=Health.DOWN, joining=Joining.JOINED) for number in range(secondaries)]
    return nodes + joined


@pytest.mark.parametrize("sheet", [WIDE, NARROW])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 9, 20])
def test_boxes_are_apart_and_inside(count, sheet) -> None:
    drawing = draw(_cluster(count), sheet=sheet)
    assert len(drawing.boxes) == count + 1
    assert len(drawing.edges) == count
    for box in drawing.boxes:
        assert 0 <= box.x <= drawing.sheet.width - BOX[0]
        assert 0 <= box.y <= drawing.height - BOX[1]
    for one, other in itertools.combinations(drawing.boxes, 2):
        assert abs(one.x - other.x) >= BOX[0] or abs(one.y - other.y) >= BOX[1]


def test_without_a_primary_there_are_no_lines() -> None:
    assert draw(_cluster(3, primary=False)).edges == ()


def test_long_names_are_shortened_where_they_do_not_differ() -> None:
    assert draw([_node("mail-frontend-frankfurt-01", health=Health.OK)]).boxes[0].name == "mail-f…rt-01"


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


def _numbered(secondaries: int) -> list[Node]:
    nodes = _cluster(secondaries)
    for number, node in enumerate(nodes):
        node.pk = number
    return nodes


def _server(name: str, nodes: list[Node], tone: str = "ok") -> FileServer:
    return FileServer(name, tone, "2 of 3 nodes work", "2 of 3 nodes work there", {node.pk: tone for node in nodes})


@pytest.mark.parametrize("sheet", [WIDE, NARROW])
@pytest.mark.parametrize("servers", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 20])
def test_file_servers_stand_below_the_nodes_and_a_line_leads_there_from_each(count, servers, sheet) -> None:
    nodes = _numbered(count)
    drawing = draw(nodes, [_server(f"files{number}", nodes) for number in range(servers)], sheet)
    shares = drawing.shares
    assert (len(shares.boxes), len(shares.lines), len(shares.joints)) == (servers, count + 1, count + 1)
    everything: list[Box | ServerBox] = [*drawing.boxes, *shares.boxes]
    for box in everything:
        assert 0 <= box.x <= drawing.sheet.width - BOX[0]
        assert 0 <= box.y <= drawing.height - BOX[1]
    for one, other in itertools.combinations(everything, 2):
        assert abs(one.x - other.x) >= BOX[0] or abs(one.y - other.y) >= BOX[1]
    for joint in shares.joints:
        inside = [box for box in everything if box.x < joint.x < box.x + BOX[0] and box.y < joint.y < box.y + BOX[1]]
        assert inside == []


def test_the_worst_of_several_file_servers_counts_and_all_are_said() -> None:
    nodes = _numbered(1)
    shares = draw(nodes, [_server("files", nodes), _server("archive-frankfurt-01", nodes, "bad")])
    assert {joint.tone for joint in shares.shares.joints} == {"bad"}
    assert "; file server files: 2 of 3 nodes work there; file server archive-frankfurt-01:" in shares.summary
    assert shares.shares.boxes[1].name == "archiv…rt-01"


def test_without_a_file_server_nothing_is_drawn_of_shares() -> None:
    nodes = _numbered(3)
    assert draw(nodes, ()) == draw(nodes)
    assert draw(nodes).shares.boxes == ()
