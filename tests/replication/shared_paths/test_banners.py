"""The overview and the configuration of a cluster say what its shared paths wait for, and draw its file servers."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from accounts.models import Role
from nodes.checks.models import Guard
from nodes.enums import CellReason, CellState, NodeRole, PathMode
from nodes.shares.models import ShareCell, SharedPaths
from tests.factories import make_cluster, make_member, make_node

pytestmark = pytest.mark.django_db
PAGES = ("", "configuration/")


@pytest.fixture
def cluster():
    made = make_cluster("harbour")
    SharedPaths.objects.create(cluster=made, mode=PathMode.COMMON, common=r"\\files\mail")
    make_node(made, "mx0", role=NodeRole.PRIMARY)
    return made


def page(cluster, address: str) -> str:
    client = Client()
    client.force_login(make_member(cluster, Role.VIEWER))
    return client.get(address).content.decode()


def judged(cluster, code: str, state: str) -> None:
    at = timezone.now()
    found = [{"node": f"mx{n}", "standing": state, "evidence": f"{code} <i>so</i>.", "remedy": ""} for n in range(3)]
    found.append(found[0] | {"standing": "pass"})
    Guard.objects.create(cluster=cluster, code=code, state=state, since=at, checked_at=at, findings=found)


@pytest.mark.parametrize("tab", PAGES)
def test_paths_that_do_not_stand_and_shares_that_do_not_work_are_said_at_once(cluster, tab) -> None:
    address = f"/clusters/{cluster.pk}/{tab}"
    judged(cluster, "paths_applied", "warn")
    judged(cluster, "share_test", "fail")
    words = " ".join(strip_tags(page(cluster, address)).split())
    assert "do not stand on every node. mx0: paths_applied &lt;i&gt;so&lt;/i&gt;. So it is on 2 nodes more." in words
    assert "Shared folders do not work from every node. mx0: share_test" in words


@pytest.mark.parametrize("tab", PAGES)
def test_what_is_well_or_not_known_needs_no_banner(cluster, tab) -> None:
    judged(cluster, "paths_applied", "unknown")
    judged(cluster, "share_test", "pass")
    words = page(cluster, f"/clusters/{cluster.pk}/{tab}")
    assert "do not stand on every node" not in words
    assert "do not work from every node" not in words


@pytest.mark.parametrize("address", ["/", "/clusters/{}/"])
def test_the_file_server_is_drawn_with_who_cannot_work_there(cluster, address) -> None:
    node = cluster.nodes.get()
    refused = {"state": CellState.FAILED, "reason": CellReason.DENIED, "tested_at": timezone.now(), "job_number": 1}
    ShareCell.objects.create(cluster=cluster, node=node, role="users", path=r"\\files\mail\Users", **refused)
    drawn = page(cluster, address.format(cluster.pk))
    assert 'aria-label="File server files, 0 of 1 nodes work there, 1 cannot"' in drawn
    assert f'href="/clusters/{cluster.pk}/shared-paths/"' in drawn
    assert 'class="joint tone-bad"' in drawn
