"""File servers as a cluster's drawing shows them: by what the newest share test found from each node."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from nodes.enums import CellReason, CellState, NodeRole, PathMode
from nodes.shares.models import ShareCell, SharedFolder, SharedPaths
from nodes.shares.selectors.servers import servers_of
from tests.factories import make_cluster, make_node

pytestmark = pytest.mark.django_db
QUERIES = 3
USERS, PUBLIC = r"\\files\mail\Users", r"\\Archive\mail\Public"


@pytest.fixture
def cluster():
    made = make_cluster("harbour")
    SharedPaths.objects.create(cluster=made, mode=PathMode.INDIVIDUAL)
    for role, path in (("users", USERS), ("public", PUBLIC)):
        SharedFolder.objects.create(cluster=made, role=role, path=path)
    for name, role in (("mx0", NodeRole.PRIMARY), ("mx1", NodeRole.SECONDARY)):
        make_node(made, name, role=role)
    return made


def cell(cluster, name: str, role: str = "users", path: str = USERS, **fields) -> None:
    node = cluster.nodes.get(name=name)
    values = {"state": CellState.OK, "tested_at": timezone.now(), "job_number": 1, **fields}
    ShareCell.objects.create(cluster=cluster, node=node, role=role, path=path, **values)


def seen(cluster):
    nodes = {node.pk: node.name for node in cluster.nodes.all()}
    found = servers_of({cluster: list(nodes)})[cluster.pk]
    return {one.name: (one.tone, one.caption, {nodes[pk]: tone for pk, tone in one.reached.items()}) for one in found}


def test_each_server_stands_by_itself(cluster) -> None:
    cell(cluster, "mx0")
    cell(cluster, "mx1", path=r"\\FILES\mail\users")
    refused = {"state": CellState.FAILED, "reason": CellReason.DENIED}
    cell(cluster, "mx0", "public", PUBLIC, **refused)
    assert seen(cluster) == {
        "files": ("ok", "2 of 2 nodes", {"mx0": "ok", "mx1": "ok"}),
        "Archive": ("bad", "0 of 2 nodes", {"mx0": "bad", "mx1": "idle"}),
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"tested_at": timezone.now() - timedelta(days=31)},
        {"path": r"\\files\mail\Elsewhere"},
        {"state": CellState.UNTESTED},
        {"state": CellState.FAILED, "reason": CellReason.NODE_AWAY},
        {"state": CellState.FAILED, "reason": CellReason.DENIED, "path": r"\\files\other"},
    ],
)
def test_what_says_nothing_of_the_folder_as_it_is_set_counts_as_not_tested(cluster, fields) -> None:
    cell(cluster, "mx0", **fields)
    assert seen(cluster)["files"] == ("idle", "not tested", {"mx0": "idle", "mx1": "idle"})


def test_a_folder_that_was_set_since_does_not_hide_that_the_others_work(cluster) -> None:
    SharedFolder.objects.create(cluster=cluster, role="locks", path=r"\\files\mail\LockFiles")
    cell(cluster, "mx0")
    assert seen(cluster)["files"] == ("idle", "tested in part", {"mx0": "idle", "mx1": "idle"})


def test_the_portals_own_test_is_no_nodes(cluster) -> None:
    values = {"path": USERS, "state": CellState.OK, "tested_at": timezone.now(), "job_number": 1}
    ShareCell.objects.create(cluster=cluster, node=None, role="users", **values)
    assert seen(cluster)["files"][0] == "idle"


def test_many_clusters_cost_as_much_as_one(cluster, django_assert_num_queries) -> None:
    other = make_cluster("beach")
    for clusters in ([cluster], [cluster, other]):
        with django_assert_num_queries(QUERIES):
            found = servers_of({one: [] for one in clusters})
    assert other.pk not in found
    assert servers_of({}) == {}
