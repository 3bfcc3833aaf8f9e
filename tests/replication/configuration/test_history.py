"""What a proof says of its node."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from nodes.registry.core.verdict import Word
from nodes.registry.models import Node
from nodes.registry.status import FILTERS, status_of
from replication.configuration.core.configuration import REPLICATE
from replication.configuration.models import NodeTree
from replication.configuration.services.history import Proof, record_baselines
from replication.jobs.models import Job
from tests.factories import make_node

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(hours=1)


def proven(node: Node, incomplete: str = "") -> Node:
    """The node after a job looked at it and found no other difference."""
    job = Job.objects.create(kind=REPLICATE, cluster=node.cluster, requester="system")
    record_baselines([Proof(node.pk, job.pk, None, NodeTree("r"), 1, incomplete=incomplete)])
    return Node.objects.get(pk=node.pk)


@pytest.fixture
def node(cluster) -> Node:
    then = timezone.now() - LONG_AGO
    return make_node(cluster, health="ok", joining="joined", compared_at=then, reached_at=timezone.now())


def test_a_proof_that_changed_nothing_is_news_all_the_same(node: Node) -> None:
    assert "as of" in status_of(node).text
    assert status_of(proven(node)).text == "In sync"


def test_a_node_whose_job_could_not_handle_all_is_not_in_sync(node: Node) -> None:
    verdict = status_of(proven(node, "All other files are proven; not handled: 'App/a.dat' (unreadable)."))
    assert (verdict.word, verdict.tone) == (Word.INCOMPLETE, "warn")
    assert "'App/a.dat'" in verdict.cause
    assert Node.objects.filter(FILTERS[Word.INCOMPLETE]).exists()
    assert not Node.objects.filter(FILTERS[Word.IN_SYNC]).exists()
    assert status_of(proven(node)).word == Word.IN_SYNC
