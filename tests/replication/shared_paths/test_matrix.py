"""The matrix of shared folders: what pages and REST say of cells, what outdates them, and what topology is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Role
from nodes.clusters.models import Cluster
from nodes.enums import CellState
from nodes.facts.models import NodeFacts
from nodes.registry.models import Node
from nodes.shares.core.cells import CellFound
from nodes.shares.models import ShareCell, SharedPaths
from nodes.shares.selectors.cells import matrix_of
from nodes.shares.services.cells import record_cells
from replication.jobs.models import Job
from tests.factories import make_cluster, make_member, make_node

pytestmark = pytest.mark.django_db

FOLDERS = {"users": "Users", "public": "Public Folders", "locks": "LockFiles", "keys": "PEM"}
FOLDERS |= {"archives": "Archives", "digests": "Digests", "gateways": "Gateways"}


@pytest.fixture
def mail() -> Cluster:
    cluster = make_cluster("mail")
    SharedPaths.objects.create(cluster=cluster, mode="common", common=r"\\nas\mail")
    return cluster


def found(cluster: Cluster, node: Node | None, **changes: Any) -> list[CellFound]:
    """What a test found of all folders from one node."""
    cells = []
    for role, name in FOLDERS.items():
        told: dict[str, Any] = {"path": rf"\\nas\mail\{name}", "state": "ok", "steps": {"reach": 0.0021}}
        told |= {"latency_ms": 1.5, "disk_free": 5 * 2**30, "disk_total": 2**40, "clock_offset": 0.4}
        told |= {"login": "cp-admin"} | changes
        cells.append(CellFound(cluster.pk, None if node is None else node.pk, role, job_number=7, **told))
    return cells


def full(cluster: Cluster, rows: int) -> Sequence[Node]:
    nodes = [make_node(cluster, f"mx{at}", role="primary" if at == 0 else "secondary") for at in range(rows)]
    record_cells([cell for node in (None, *nodes) for cell in found(cluster, node)])
    return nodes


@pytest.mark.parametrize("rows", [1, 3])
def test_the_pages_queries_do_not_grow(mail: Cluster, client: Client, django_assert_num_queries, rows: int) -> None:
    full(mail, rows)
    client.force_login(make_member(mail, Role.OPERATOR))
    client.get(f"/clusters/{mail.pk}/shared-paths/")
    with django_assert_num_queries(11):
        page = client.get(f"/clusters/{mail.pk}/shared-paths/matrix/?open=users")
    text = page.content.decode()
    assert text.count("Works") == 7 * (rows + 1) + rows + 1
    assert r"\\nas\mail\LockFiles" in text


def test_what_is_opened_tells_all_of_it(mail: Cluster, client: Client) -> None:
    (node,) = full(mail, 1)
    service = {
        "name": "MDaemon",
        "shown_name": "MDaemon",
        "state": 4,
        "start": 2,
        "account": "CORP\\svc",
        "program": "",
    }
    NodeFacts.objects.create(node=node, read_at="2026-01-01T00:00:00Z", services=[service])
    cells = found(mail, node, state="failed", reason="denied", text="Access is denied.", is_service_account=False)
    record_cells([*cells, *found(mail, None, state="failed", reason="no_share", text="There is no such share.")])
    client.force_login(make_member(mail, Role.VIEWER))
    text = " ".join(client.get(f"/clusters/{mail.pk}/shared-paths/").content.decode().split())

    assert "Access is denied. From the portal: There is no such share." in text, "the first that fails is open"
    assert "Tried as cp-admin. Its services run as CORP\\svc: whether that account reaches" in text
    assert "answers in 1.5 ms" in text
    assert "clock as the portal&#x27;s" in text
    assert "Find and list the folder <b>2.1 ms</b>" in text
    assert "Test now" not in text, "a viewer may not"


def test_a_button_asks_for_a_test_and_the_section_follows_it(mail: Cluster, client: Client) -> None:
    make_node(mail, "mx0")
    client.force_login(make_member(mail, Role.OPERATOR))
    page = f"/clusters/{mail.pk}/shared-paths/"
    assert "Test now" in client.get(page).content.decode()
    answer = client.post(f"{page}test/")
    assert answer.headers["Location"] == f"{page}#share-test"
    assert Job.objects.get().kind == "share_test"
    text = client.get(f"{page}matrix/").content.decode()
    assert 'hx-trigger="every 2s"' in text
    assert "Test now" not in text
    Job.objects.update(state="succeeded")
    assert "every 2s" not in client.get(f"{page}matrix/").content.decode()


def test_without_a_path_there_is_nothing_to_show(client: Client) -> None:
    cluster = make_cluster()
    client.force_login(make_member(cluster, Role.OPERATOR))
    assert "No shared path is set yet" in client.get(f"/clusters/{cluster.pk}/shared-paths/").content.decode()


def test_what_was_tested_elsewhere_counts_no_more(mail: Cluster) -> None:
    full(mail, 1)
    SharedPaths.objects.update(common=r"\\NAS\Mail")
    assert not matrix_of(mail).rows[0].cells[0].outdated, "the same path in other letters"
    SharedPaths.objects.update(common=r"\\nas\other")
    row = matrix_of(mail).rows[0]
    assert (row.cells[0].outdated, row.cells[0].state) == (True, CellState.UNTESTED)


def test_a_new_test_takes_the_place_of_the_one_before(mail: Cluster, django_assert_num_queries) -> None:
    nodes = full(mail, 2)
    with django_assert_num_queries(4):  # two of them the transaction's
        record_cells(found(mail, nodes[0])[:3] + found(mail, None)[:2])
    assert ShareCell.objects.filter(node=nodes[0]).count() == 3
    assert ShareCell.objects.filter(node=nodes[1]).count() == 7
    assert ShareCell.objects.filter(node=None).count() == 2


def test_rest_tells_every_cell(mail: Cluster) -> None:
    (node,) = full(mail, 1)
    client = APIClient()
    client.force_authenticate(make_member(mail, Role.VIEWER))
    rows = client.get(f"/api/v1/clusters/{mail.pk}/shared-paths/test").json()
    assert [row["role"] for row in rows] == list(FOLDERS)
    portal, cell = rows[0]["cells"]
    assert (portal["node"], cell["node"], cell["node_name"]) == (None, node.pk, "mx0")
    assert (cell["state"], cell["reason"], cell["steps"], cell["job"]) == ("ok", "", {"reach": 0.0021}, 7)
