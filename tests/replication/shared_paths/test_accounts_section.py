"""The section that tells which accounts services run under, and how to change them."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags
from rest_framework.test import APIClient

from accounts.models import Role
from nodes.enums import CellReason, CellState, NodeRole, PathMode, PlatformName
from nodes.facts.models import NodeFacts
from nodes.platforms.base import Service
from nodes.shares.models import ShareCell, SharedPaths
from tests.factories import make_cluster, make_member, make_node

pytestmark = pytest.mark.django_db


def run_by(node, *accounts: str) -> None:
    services = [Service(f"MD{n}", f"MDaemon {n}", 4, 2, account, "x.exe") for n, account in enumerate(accounts)]
    NodeFacts.objects.create(node=node, read_at=timezone.now(), services=[asdict(one) for one in services])


@pytest.fixture
def cluster():
    made = make_cluster("harbour")
    SharedPaths.objects.create(cluster=made, mode=PathMode.COMMON, common=r"\\files\mail")
    for name, role in (("mx0", NodeRole.PRIMARY), ("mx1", NodeRole.SECONDARY)):
        make_node(made, name, role=role, platform=PlatformName.WINDOWS)
    return made


def shown(cluster, part: str = "accounts") -> str:
    client = Client()
    client.force_login(make_member(cluster, Role.VIEWER))
    page = client.get(f"/clusters/{cluster.pk}/shared-paths/").content.decode()
    found = page.partition(f'id="{part}"')[2].partition("</section>")[0]
    return " ".join(strip_tags(found).split()).replace("&quot;", '"')


def cell(node, role: str, name: str, **fields) -> None:
    values = {"state": CellState.OK, "login": r"HARBOUR\mail", "is_service_account": True, **fields}
    ShareCell.objects.create(
        cluster=node.cluster,
        node=node,
        role=role,
        path=rf"\\files\mail\{name}",
        tested_at=timezone.now(),
        job_number=1,
        **values,
    )


def test_each_service_is_named_with_what_its_account_is_on_the_network(cluster) -> None:
    run_by(cluster.nodes.get(name="mx0"), r"HARBOUR\mail", "LocalSystem")
    words = shown(cluster)
    assert r"MDaemon 0 as HARBOUR\mail It reaches the shares that let it in." in words
    assert "MDaemon 1 as LocalSystem On the network it is the computer itself, and only in a domain." in words
    assert "mx1 not known" in words
    assert "All 7 folders: not known It was not tested." in words


def test_folders_are_told_by_what_the_very_account_could_do(cluster) -> None:
    node = cluster.nodes.get(name="mx0")
    run_by(node, r"HARBOUR\mail")
    cell(node, "users", "Users")
    refused = {"state": CellState.FAILED, "reason": CellReason.DENIED, "text": "Access is denied <b>here</b>."}
    cell(node, "public", "Public Folders", **refused)
    cell(node, "locks", "LockFiles", is_service_account=False, login=r"HARBOUR\portal")
    words = shown(cluster)
    assert "Public folders: not reached Access is denied &lt;b&gt;here&lt;/b&gt;." in words
    assert "Mail folders: reached" in words
    assert r"Lock files: not known It was tested as HARBOUR\portal only." in words


def test_rest_tells_the_same(cluster) -> None:
    node = cluster.nodes.get(name="mx0")
    run_by(node, r"HARBOUR\mail")
    cell(node, "users", "Users")
    client = APIClient()
    client.force_authenticate(make_member(cluster, Role.VIEWER))
    first, second = client.get(f"/api/v1/clusters/{cluster.pk}/service-accounts").json()
    assert first["services"] == [
        {
            "service": "MDaemon 0",
            "name": "MD0",
            "account": r"HARBOUR\mail",
            "network": "It reaches the shares that let it in.",
            "is_user": True,
        }
    ]
    assert first["folders"][0] == {"label": "Mail folders", "path": r"\\files\mail\Users", "reached": True, "why": ""}
    assert first["folders"][1]["reached"] is None
    assert (first["finding"]["standing"], second["services"]) == ("unknown", [])


def test_the_steps_name_the_services_and_no_password(cluster) -> None:
    run_by(cluster.nodes.get(name="mx0"), "LocalSystem", "LocalSystem")
    run_by(cluster.nodes.get(name="mx1"), "LocalSystem")
    words = shown(cluster, "account-steps")
    assert r'sc.exe config "MD0" obj= "DOMAIN\user" sc.exe config "MD1" obj= "DOMAIN\user"' in words
    assert "password=" not in words
    assert r"On \\files\mail:" in words
    assert "open each of MDaemon 0, MDaemon 1, Log On tab" in words


def test_without_windows_there_is_nothing_to_change_in_its_services(cluster) -> None:
    cluster.nodes.update(platform=PlatformName.POSIX)
    assert "mx0 no Windows services" in shown(cluster)
    assert shown(cluster, "account-steps") == ""
