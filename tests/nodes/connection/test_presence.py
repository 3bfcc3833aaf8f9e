"""Who is there: one question each, on a real sshd, and one write for all who answered."""

import threading
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from nodes.connection import presence
from nodes.connection.connect import Door, NodeLink, open_node
from nodes.connection.presence import ask_all
from nodes.enums import Health
from nodes.registry.models import Node
from tests.deadlines import PATIENCE, wait_for
from tests.factories import make_node
from tests.sshd import SshdServer, free_port

pytestmark = pytest.mark.django_db(transaction=True)


def _beside(node: Node, port: int) -> Node:
    """Another node of the same cluster, as the portal knows one that it was let in to."""
    other = make_node(node.cluster, address="127.0.0.1", port=port, credential=node.credential, health=Health.OK)
    key = node.host_keys.get()
    other.host_keys.create(fingerprint=key.fingerprint, state=key.state)
    return other


def test_who_answers_is_noted_and_who_does_not_is_away(real_node):
    assert not ask_all()  # it was never logged in to
    Node.objects.filter(pk=real_node.pk).update(health=Health.DOWN)
    gone, refusing = _beside(real_node, free_port()), _beside(real_node, free_port())
    Node.objects.filter(pk=refusing.pk).update(health=Health.DEGRADED)
    make_node(real_node.cluster, health=Health.OK)  # nobody approved its host key
    assert list(ask_all()) == [real_node.pk]
    states = {node.pk: (node.health, node.reached_at is not None) for node in Node.objects.all()}
    assert states[real_node.pk] == (Health.OK, True)
    assert states[gone.pk] == (Health.DOWN, False)
    assert states[refusing.pk] == (Health.DEGRADED, False)


def test_who_hangs_is_away_and_the_others_are_not(real_node, tmp_path, keeper):
    """Its port is open and takes connections; nothing answers."""
    server = SshdServer.start(tmp_path / "hanging", authorized_keys=[real_node.credential.public_key])
    try:
        Node.objects.filter(pk=real_node.pk).update(health=Health.OK)
        hanging = _beside(real_node, server.port)
        with server.hung():
            assert list(ask_all()) == [real_node.pk]
        assert Node.objects.get(pk=hanging.pk).health == Health.DOWN
        assert Node.objects.get(pk=real_node.pk).health == Health.OK
    finally:
        server.stop()


def test_all_who_answered_are_noted_in_one_write(real_node, settings):
    Node.objects.filter(pk=real_node.pk).update(health=Health.OK)
    ask_all()
    with CaptureQueriesContext(connection) as queries:
        ask_all()
    writes = [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]
    assert len(writes) == 1


def test_one_that_hangs_is_asked_by_one_thread_and_delays_no_round(real_node, settings, monkeypatch):
    Node.objects.filter(pk=real_node.pk).update(health=Health.OK)
    hanging = _beside(real_node, free_port())
    settings.PORTAL = replace(settings.PORTAL, reach=0.2)
    over, asked, opened = threading.Event(), list[int](), open_node

    def hangs(node: Node, door: Door | None, **_: float) -> AbstractContextManager[NodeLink]:
        asked.append(node.pk)
        assert node.pk != hanging.pk or over.wait(PATIENCE)
        return opened(node, door)

    monkeypatch.setattr(presence, "open_node", hangs)
    try:
        for _ in range(3):
            wait_for("the other is noted", lambda: real_node.pk in ask_all())
        assert asked.count(hanging.pk) == 1
    finally:
        over.set()
    wait_for("it is away", lambda: Node.objects.get(pk=hanging.pk).health == Health.DOWN)
    wait_for("it is asked again", lambda: ask_all() and asked.count(hanging.pk) > 1)
