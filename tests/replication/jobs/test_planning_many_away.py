"""Planning with many nodes away takes long, and says all the while that it is alive."""

from __future__ import annotations

import pytest

from nodes.clusters.models import Cluster
from nodes.products.loading import load_profile
from replication.configuration.job.desired import Decisions
from replication.configuration.job.planning import NodeJob, plan_nodes
from replication.files.core.manifest import Manifest
from replication.objects import default_store
from tests.factories import make_node


class Signs:
    """A guard that counts the signs of life."""

    def __init__(self) -> None:
        self.count = 0

    def check(self) -> None:
        self.count += 1

    def progress(self, **_: object) -> None:
        self.count += 1

    def event(self, *_: object) -> None:
        return None

    def boundary(self, _: str) -> None:
        self.count += 1


@pytest.mark.django_db(transaction=True)
def test_every_node_that_is_away_is_a_sign_of_life(cluster: Cluster) -> None:
    nodes = [make_node(cluster, f"mx{number}", role="secondary") for number in range(20)]
    jobs, guard = [NodeJob(node, None, Decisions({}, {})) for node in nodes], Signs()

    planned = plan_nodes(jobs, load_profile("mdaemon"), Manifest(), default_store(), guard)

    assert all(part.plan.away for part in planned)
    assert guard.count >= len(nodes)
