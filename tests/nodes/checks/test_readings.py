"""Rows about shared folders and queues as the checks read them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest
from django.utils import timezone

from nodes.checks.core.accounts import accounts
from nodes.checks.models import Attestation
from nodes.checks.selectors.readings import cluster_reading
from nodes.checks.services.checks import run_checks
from nodes.enums import CellState, Health, Joining, NodeRole, PathMode, PlatformName
from nodes.facts.models import NodeFacts
from nodes.facts.services.facts import Facts, record_facts
from nodes.platforms.base import Service
from nodes.platforms.unc import UncPath
from nodes.products.folders import FolderPath
from nodes.queues.models import QueueCount, QueueReading
from nodes.shares.models import MountPoint, ShareCell, SharedFolder, SharedPaths
from tests.factories import make_cluster, make_node

pytestmark = pytest.mark.django_db
QUERIES = 12
USERS = r"\\files\mail\Users"


def cell(cluster, node, role: str, **fields):
    values = {"path": USERS, "state": CellState.OK, "tested_at": timezone.now(), "job_number": 1}
    return ShareCell.objects.create(cluster=cluster, node=node, role=role, **{**values, **fields})


def shared(cluster, name: str, role: str = NodeRole.SECONDARY):
    """A node of which everything is known."""
    node = make_node(cluster, name, role=role, platform=PlatformName.WINDOWS)
    folder = FolderPath("users", "Mail folders", USERS, r"C:\MDaemon\Users", "Main", "Mail", "discovered", "")
    service = {"name": "MDSvc", "shown_name": "MDaemon", "account": r"HARBOUR\mail"}
    NodeFacts.objects.create(node=node, read_at=timezone.now(), folders=[asdict(folder)], services=[service])
    cell(cluster, node, "users", is_service_account=True, clock_offset=0.5)
    MountPoint.objects.create(node=node, share=r"\\files\mail", folder="/mnt/mail")
    hour = timezone.now() - timedelta(hours=1)
    reading = QueueReading.objects.create(node=node, place=r"C:\Queues", read_at=timezone.now(), left_place=r"D:\Old")
    for queue, left in (("Remote", False), ("Local", False), ("Remote", True)):
        QueueCount.objects.create(reading=reading, queue=queue, left=left, messages=2, size=9, oldest_at=hour)
    return node


@pytest.fixture
def cluster():
    made = make_cluster("harbour")
    SharedPaths.objects.create(cluster=made, mode=PathMode.COMMON, common=r"\\files\mail", routing=True)
    shared(made, "mx0", NodeRole.PRIMARY)
    return made


def test_rows_become_one_reading(cluster) -> None:
    reading = cluster_reading(cluster)
    (node,) = reading.nodes
    assert (reading.places[0].role, reading.places[0].path, reading.routing) == ("users", UncPath.parse(USERS), True)
    assert reading.routing_since == "21.0"
    assert [place.role for place in reading.places][-1] == "queues"
    assert (node.kept[0].path, node.kept[0].known) == (USERS, True)
    assert dict(node.mounts) == {UncPath("files", "mail"): "/mnt/mail"}
    assert (node.tests[0].as_service, node.tests[0].clock_offset, node.tests[0].after_word) == (True, 0.5, True)
    assert node.queues is not None
    assert (node.queues.waiting.messages, node.queues.left.messages) == (4, 2)
    assert node.queues.left.oldest == pytest.approx(3600, abs=60)
    assert (node.services[0].name, node.away, node.outside) == ("MDSvc", False, False)
    make_node(cluster, "mx1", joining=Joining.REGISTERED)
    assert [one.outside for one in cluster_reading(cluster).nodes] == [False, True]


@pytest.mark.parametrize(
    ("account", "proves", "standing"),
    [("LocalSystem", False, "fail"), (r"HARBOUR\other", False, "unknown"), (r"HARBOUR\mail", True, "pass")],
)
def test_a_test_proves_what_the_services_can_do_while_they_run_as_whom_it_ran(cluster, account, proves, standing):
    SharedPaths.objects.update(mode=PathMode.INDIVIDUAL, routing=False)
    SharedFolder.objects.create(cluster=cluster, role="users", path=USERS)
    ShareCell.objects.update(login=r"HARBOUR\mail", is_service_account=account != r"HARBOUR\mail")
    service = Service("MDSvc", "MDaemon", 4, 2, account, "")
    record_facts(node_id=cluster.nodes.get().pk, facts=Facts(timezone.now(), services=(service,)))
    reading = cluster_reading(cluster)
    assert reading.nodes[0].tests[0].as_service is proves
    assert [finding.standing.value for finding in accounts(reading)] == [standing]


def test_a_test_from_before_a_persons_word_is_told_from_a_later_one(cluster) -> None:
    node = cluster.nodes.get()
    at = timezone.now() + timedelta(minutes=1)
    Attestation.objects.create(node=node, subject="service_account", value="yes", by="astrid", at=at)
    assert not cluster_reading(cluster).nodes[0].tests[0].after_word


def test_the_portals_own_cells_are_no_nodes(cluster) -> None:
    cell(cluster, None, "users", state=CellState.FAILED, reason="denied")
    cluster.nodes.update(health=Health.DOWN)
    reading = cluster_reading(cluster)
    assert [test.reason for test in reading.portal_tests] == ["denied"]
    assert len(reading.nodes[0].tests) == 1
    assert reading.nodes[0].away


def test_three_nodes_are_read_in_as_many_queries_as_one(cluster, django_assert_num_queries) -> None:
    with django_assert_num_queries(QUERIES):
        cluster_reading(cluster)
    for name in ("mx1", "mx2"):
        shared(cluster, name)
    with django_assert_num_queries(QUERIES):
        cluster_reading(cluster)


def test_verdicts_keep_their_since_and_their_place(cluster) -> None:
    first = [(row.code, row.pk, row.since) for row in sorted(run_checks(cluster.pk), key=lambda row: row.code)]
    again = [(row.code, row.pk, row.since) for row in sorted(run_checks(cluster.pk), key=lambda row: row.code)]
    assert first == again
