"""The set-up page is a path: what is done is folded, the next step is open, the others wait for it."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from nodes.checks.models import Guard
from nodes.enums import KeySource, NodeRole, PathMode
from nodes.shares.models import FolderKey, FormerValue, SharedPaths
from tests.factories import make_cluster, make_member, make_node

pytestmark = pytest.mark.django_db

STEP = re.compile(r'<li class="(?P<place>\w+)" id="step-(?P<number>\d+)"(?P<rest>.*?)</li>', re.DOTALL)


@pytest.fixture
def cluster():
    made = make_cluster("harbour")
    make_node(made, "mx0", role=NodeRole.PRIMARY)
    make_node(made, "mx1")
    return made


def browser(cluster, role: Role) -> Client:
    client = Client()
    client.force_login(make_member(cluster, role))
    return client


def steps(client: Client, cluster) -> dict[int, re.Match[str]]:
    page = client.get(f"/clusters/{cluster.pk}/setup/").content.decode()
    return {int(step["number"]): step for step in STEP.finditer(page)}


def test_only_the_next_step_is_open_and_the_later_ones_say_what_they_wait_for(cluster) -> None:
    path = steps(browser(cluster, Role.OPERATOR), cluster)
    assert list(path) == list(range(1, 16))
    assert [number for number, step in path.items() if "<details open>" in step[0]] == [1]
    assert path[1]["place"] == "next"
    assert 'aria-current="step"' in path[1]["rest"]
    assert path[10]["place"] == "behind"  # a secondary is registered already: evidence counts in any order
    assert "Registered secondaries: mx1" in path[10]["rest"].split("</summary>")[0]
    ahead = [number for number, step in path.items() if step["place"] == "ahead"]
    assert ahead
    assert all("Waits for step 1<" in path[number]["rest"] for number in ahead)


def test_an_attested_step_is_folded_with_who_said_so_and_the_next_one_opens(cluster) -> None:
    client = browser(cluster, Role.OPERATOR)
    client.post(f"/clusters/{cluster.pk}/setup/1/attest/", {"note": "on the <nas>"})
    path = steps(client, cluster)
    line = path[1]["rest"].split("</summary>")[0]
    assert (path[1]["place"], path[2]["place"]) == ("behind", "next")
    assert "on the &lt;nas&gt;" in line
    assert f"/clusters/{cluster.pk}/setup/1/withdraw/" in path[1]["rest"]
    assert "Waits for step 2<" in path[3]["rest"]
    client.post(f"/clusters/{cluster.pk}/setup/1/withdraw/")
    assert steps(client, cluster)[1]["place"] == "next"


def test_a_later_step_can_be_attested_before_its_turn(cluster) -> None:
    client = browser(cluster, Role.OPERATOR)
    assert f"/clusters/{cluster.pk}/setup/15/attest/" in steps(client, cluster)[15]["rest"]
    client.post(f"/clusters/{cluster.pk}/setup/15/attest/", {"note": ""})
    path = steps(client, cluster)
    assert (path[1]["place"], path[15]["place"]) == ("next", "behind")


def test_a_viewer_sees_the_path_and_attests_nothing(cluster) -> None:
    path = steps(browser(cluster, Role.VIEWER), cluster)
    assert len(path) == 15
    assert not any("<form" in step[0] for step in path.values())


def test_where_nothing_is_left_the_page_says_so(cluster) -> None:
    client = browser(cluster, Role.OPERATOR)
    for number, step in steps(client, cluster).items():
        if step["place"] != "behind":
            client.post(f"/clusters/{cluster.pk}/setup/{number}/attest/", {"note": ""})
    page = client.get(f"/clusters/{cluster.pk}/setup/").content.decode()
    assert "15 of 15 done" in page
    assert "Nothing is left to do." in page
    assert "<details open>" not in page


def test_what_is_set_of_the_shared_paths_proves_its_steps(cluster) -> None:
    SharedPaths.objects.create(cluster=cluster, mode=PathMode.COMMON, common=r"\\files\mail", routing=True)
    path = steps(browser(cluster, Role.OPERATOR), cluster)
    assert [number for number in range(1, 8) if path[number]["place"] == "behind"] == [4, 5, 6]
    assert r"Mail folders: \\files\mail\Users; Public folders: \\files\mail\Public Folders" in path[5]["rest"]
    assert r"the queues in \\files\mail\Queues" in path[6]["rest"]
    assert "no key of the files is confirmed: Mail folders, Public folders" in path[2]["rest"]
    assert f'href="/clusters/{cluster.pk}/shared-paths/"' in path[1]["rest"]
    assert f'href="/clusters/{cluster.pk}/routing/"' in path[6]["rest"]
    for role in ("users", "public", "locks", "keys", "archives", "digests", "gateways"):
        key = {"path": "App/MDaemon.ini", "section": "Directories", "key": role, "folded": role, "by": "astrid"}
        FolderKey.objects.create(cluster=cluster, role=role, source=KeySource.TYPED, at=timezone.now(), **key)
    path = steps(browser(cluster, Role.OPERATOR), cluster)
    assert [number for number in range(1, 8) if path[number]["place"] == "behind"] == [2, 3, 4, 5, 6]


def test_mail_routing_that_nobody_wants_is_done_by_saying_so(cluster) -> None:
    client = browser(cluster, Role.OPERATOR)
    assert ">Not wanted</button>" in steps(client, cluster)[6]["rest"]
    client.post(f"/clusters/{cluster.pk}/setup/6/attest/", {"note": "one server delivers"})
    assert steps(client, cluster)[6]["place"] == "behind"


def test_moved_content_is_what_the_job_that_applied_the_paths_saw(cluster) -> None:
    SharedPaths.objects.create(cluster=cluster, mode=PathMode.COMMON, common=r"\\files\mail")
    value = {"role": "users", "path": "App/MDaemon.ini", "section": "Directories", "key": "Mail", "wrote": "x"}
    FormerValue.objects.create(cluster=cluster, applied_at=timezone.now(), job_number=41, **value)
    Guard.objects.create(
        cluster=cluster, code="paths_applied", state="pass", since=timezone.now(), checked_at=timezone.now()
    )
    path = steps(browser(cluster, Role.VIEWER), cluster)
    assert "When job 41 applied the paths" in path[7]["rest"]
    assert "every node keeps 7 folders where they are set" in path[1]["rest"]
