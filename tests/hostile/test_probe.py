"""A server whose commands hang, and whose files do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nodes.connection import connect
from nodes.connection.connect import open_node
from nodes.enums import Health
from nodes.platforms.base import Capabilities
from nodes.registry.models import Node
from tests.deadlines import PATIENCE
from tests.hostile.server import HostileServer, Misdeed


def test_a_node_that_does_not_say_what_it_can_do_has_its_files(hostile: HostileServer, node: Node, settings) -> None:
    with hostile.turned(Misdeed.HANG_IN_TRANSFER):
        for question in (0.5, PATIENCE):  # that it hangs is believed for a while: nobody waits for it again
            settings.PORTAL = replace(settings.PORTAL, question=question)
            with open_node(node) as link:
                assert link.capabilities == Capabilities()
                assert link.session.list_folder(link.root)
    node.refresh_from_db()
    assert node.health == Health.OK


def test_it_is_asked_again(hostile: HostileServer, node: Node, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "SILENT_SECONDS", 0.0)
    patient, settings.PORTAL = settings.PORTAL, replace(settings.PORTAL, question=0.5)
    with hostile.turned(Misdeed.HANG_IN_TRANSFER), open_node(node):
        pass
    settings.PORTAL = replace(patient, question=PATIENCE)
    with open_node(node) as link:
        assert link.capabilities.can_list
