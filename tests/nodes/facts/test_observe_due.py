"""Which nodes the beat sends a worker to."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from nodes.credentials.models import Credential
from nodes.enums import Health, HostKeyState
from nodes.facts import tasks
from nodes.facts.models import NodeFacts
from nodes.facts.selectors.facts import nodes_to_observe
from nodes.leases.crew import CREW
from nodes.registry.models import HostKey, Node
from nodes.secret import Secret
from tests.deadlines import PATIENCE, wait_for
from tests.factories import make_cluster

pytestmark = pytest.mark.django_db


def make(name: str, **changes: Any) -> Node:
    cluster = changes.pop("cluster")
    credential, _ = Credential.objects.get_or_create(
        cluster=cluster, name="c", defaults={"username": "u", "kind": "password", "secret": Secret("x")}
    )
    fields = {"address": name, "platform": "posix", "install_root": "/srv", "credential": credential} | changes
    node = Node.objects.create(cluster=cluster, name=name, **fields)
    HostKey.objects.create(node=node, fingerprint="SHA256:x", state=HostKeyState.APPROVED)
    return node


def test_nodes_to_observe_are_old_or_new_and_can_be_logged_in_to() -> None:
    cluster = make_cluster("due")
    now = timezone.now()
    never, old, fresh = (make(name, cluster=cluster) for name in ("never", "old", "fresh"))
    NodeFacts.objects.create(node=old, read_at=now - timedelta(minutes=10))
    NodeFacts.objects.create(node=fresh, read_at=now)
    make("quarantined", cluster=cluster, quarantined_reason="another key")
    make("no-credential", cluster=cluster, credential=None)
    unapproved = make("unapproved", cluster=cluster)
    unapproved.host_keys.update(state=HostKeyState.SEEN)

    assert nodes_to_observe(now - timedelta(minutes=5)) == [never.pk, old.pk]
    old.facts.read_at = now + timedelta(hours=2)  # the clock was set back since
    old.facts.save()
    assert nodes_to_observe(now - timedelta(minutes=5)) == [never.pk, old.pk]


def test_nodes_that_are_away_are_observed_on_demand_only(monkeypatch) -> None:
    """Those that hang would keep the workers waiting, once a minute."""
    cluster = make_cluster("due")
    answers, away = make("answers", cluster=cluster), make("away", cluster=cluster, health=Health.DOWN)
    sent: list[int] = []
    monkeypatch.setattr(tasks.observe, "apply_async", lambda args, **_: sent.extend(args))

    tasks.observe_due()
    assert sent == [answers.pk]
    sent.clear()
    tasks.ask_for_facts(cluster.pk)
    assert sent == [answers.pk, away.pk]


@pytest.mark.django_db(transaction=True)
def test_nodes_that_hang_keep_no_other_clusters_facts_waiting(monkeypatch) -> None:
    """More of one cluster hang than are asked at once, and each is asked by one thread however often a worker is sent
    there."""
    monkeypatch.setattr(tasks, "AT_ONCE", 2)
    hung, others = make_cluster("hung"), make_cluster("others")
    hanging = [make(f"hung{number}", cluster=hung) for number in range(3)]
    answers = make("answers", cluster=others)
    over, asked = threading.Event(), list[int]()

    def observed(node_id: int) -> None:
        asked.append(node_id)
        if node_id != answers.pk:
            assert over.wait(PATIENCE)

    monkeypatch.setattr(tasks, "observe_node", observed)
    CREW.open()
    try:
        for node in [*hanging, *hanging, answers]:
            tasks.observe(node.pk)
        wait_for("the other is asked", lambda: answers.pk in asked)
        wait_for("the share is taken", lambda: len(asked) == 3)
        assert {node.pk for node in hanging[:2]} < set(asked)
        over.set()
        wait_for("all had their turn", lambda: hanging[2].pk in asked)
    finally:
        over.set()
        CREW.close()
