"""Reading the facts of a hostile node ends soon, says why, and is well again as soon as the node is."""

from __future__ import annotations

import pytest

from clusterportal.env import Portal
from nodes.connection.connect import open_node
from nodes.enums import Health
from nodes.facts.observe import observe_node
from nodes.registry.core.verdict import Word
from nodes.registry.models import Node
from nodes.registry.services.health import LIMIT, LIMIT_OF_FACTS
from nodes.registry.status import status_of
from tests.hostile.server import HostileServer, Misdeed

LIMITS = {
    Misdeed.NO_NAMES: "without an end and without a name",
    Misdeed.ENDLESS_NAMES: "more than 2,000 names",
    Misdeed.LONG_NAMES: "a name of 2000",
    Misdeed.DRIP: "less than 1000 bytes a second",
    Misdeed.HUGE_PACKET: "an answer of 4294967280 bytes",
    Misdeed.FLOOD: "more than 4 MiB",
}


@pytest.mark.parametrize("misdeed", LIMITS)
def test_a_node_that_breaks_a_limit_is_degraded_with_the_reason_until_it_keeps_it(
    hostile: HostileServer, node: Node, request: pytest.FixtureRequest, settings, misdeed: Misdeed
) -> None:
    observe_node(node.pk)
    limits = request.getfixturevalue("tight" if misdeed == Misdeed.DRIP else "narrow")
    patient, settings.PORTAL = settings.PORTAL, limits
    with hostile.turned(misdeed, pause=0.1):
        observe_node(node.pk)
    node.refresh_from_db()
    assert node.health == Health.DEGRADED
    assert node.health_cause.startswith(LIMIT_OF_FACTS)
    assert LIMITS[misdeed] in node.health_cause
    verdict = status_of(node)
    assert (verdict.word, verdict.cause) == (Word.DEGRADED, node.health_cause)

    settings.PORTAL = patient
    with open_node(node) as link:  # that other work goes well says nothing of the facts
        link.session.stat(link.root)
    node.refresh_from_db()
    assert node.health == Health.DEGRADED
    observe_node(node.pk)
    node.refresh_from_db()
    assert (node.health, node.health_cause) == (Health.OK, "")


def test_a_node_that_hangs_whatever_it_is_asked_is_away(
    hostile: HostileServer, node: Node, tight: Portal, settings
) -> None:
    observe_node(node.pk)
    settings.PORTAL = tight
    with hostile.turned(Misdeed.HANG):
        observe_node(node.pk)
    node.refresh_from_db()
    assert node.health == Health.DOWN
    assert not node.health_cause.startswith(LIMIT)


def test_sizes_that_lie_cost_one_fact_and_no_more(hostile: HostileServer, node: Node) -> None:
    with hostile.turned(Misdeed.SMALL_SAID):
        observe_node(node.pk)
    node.refresh_from_db()
    assert node.health == Health.OK
    assert "folders" in node.facts.errors
