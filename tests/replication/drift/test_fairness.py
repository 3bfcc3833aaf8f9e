"""A secondary that hangs while it is looked at is in the way of its own cluster's only."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from django.utils import timezone

from nodes.enums import NodeRole
from nodes.leases.crew import CREW
from nodes.registry.models import Node
from replication.configuration.job.looking import NodeJob
from replication.configuration.models import Baseline
from replication.drift import look
from replication.drift.look import compare_all
from replication.watch.models import Watch
from tests.deadlines import PATIENCE, wait_for
from tests.factories import make_cluster, make_node

pytestmark = pytest.mark.django_db(transaction=True)


def _proven(name: str) -> Node:
    """The only secondary of a watched cluster."""
    cluster = make_cluster(name)
    Watch.objects.create(cluster=cluster)
    make_node(cluster, f"{name}-primary", role=NodeRole.PRIMARY)
    node = make_node(cluster, name)
    Baseline.objects.create(node=node, root="1" * 64, proven_at=timezone.now())
    return node


def _has(looks: list[str], number: int) -> bool:
    return looks.count("other") >= number


def test_one_that_hangs_keeps_no_other_cluster_waiting(monkeypatch) -> None:
    hanging, other = _proven("hanging"), _proven("other")
    over, looks = threading.Event(), list[str]()

    def counted(job: NodeJob) -> int:
        looks.append(job.node.name)
        assert job.node != hanging or over.wait(PATIENCE)
        return 3

    monkeypatch.setattr(look, "_count", counted)
    CREW.open()
    try:
        for number in range(3):
            compare_all()
            wait_for("the other is looked at", partial(_has, looks, number + 1))
        wait_for("it is noted", lambda: Node.objects.get(pk=other.pk).edited == 3)
        assert looks.count("hanging") == 1
        over.set()
        wait_for("the other one is noted, too", lambda: Node.objects.get(pk=hanging.pk).edited == 3)
    finally:
        over.set()
        CREW.close()
