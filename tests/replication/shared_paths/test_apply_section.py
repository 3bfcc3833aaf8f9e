"""The section by which shared paths are written: how far that is, in a sentence, and who may ask for it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from nodes.clusters.models import Cluster
from nodes.enums import NodeRole, PathMode
from nodes.secret import Secret
from nodes.shares.models import FormerValue, KeySearch, SharedPaths
from replication.jobs.core.states import JobState
from replication.jobs.models import Job
from replication.shared_paths.core.keys import Candidate, Found
from replication.shared_paths.selectors.applying import applied_of
from tests.factories import make_cluster, make_member, make_node

pytestmark = pytest.mark.django_db


@pytest.fixture
def cluster() -> Cluster:
    made = make_cluster("harbour")
    make_node(made, "mx0", role=NodeRole.PRIMARY)
    SharedPaths.objects.create(cluster=made, mode=PathMode.COMMON, common=r"\\files\mail")
    return made


def job(cluster: Cluster, state: JobState, to: str = "shared", **fields: object) -> Job:
    options = {"to": to, "moved": False}
    fields.setdefault("planned_at", timezone.now() + timedelta(minutes=1))
    return Job.objects.create(cluster=cluster, kind="shared_paths", state=state, options=options, **fields)


def remember(cluster: Cluster) -> None:
    FormerValue.objects.create(cluster=cluster, value=Secret("x"), wrote="y", applied_at=timezone.now(), job_number=1)


def browser(cluster: Cluster, role: Role) -> Client:
    client = Client()
    client.force_login(make_member(cluster, role))
    return client


def test_a_sentence_says_how_far_it_is(cluster: Cluster) -> None:
    def says() -> str:
        return applied_of(cluster).sentence

    assert says() == "Nothing was written yet."
    job(cluster, JobState.SUCCEEDED, dry_run=True)
    assert says() == "Nothing was written yet."
    first = job(cluster, JobState.SUCCEEDED)
    assert says() == f"Job #{first.pk} applied it and proved it on every node."
    Job.objects.update(planned_at=timezone.now() - timedelta(days=1))
    assert says() == f"What is set was changed since job #{first.pk} applied it."
    second = job(cluster, JobState.AWAITING_APPROVAL, "former")
    assert says() == f"Job #{second.pk}: awaiting approval."
    Job.objects.filter(pk=second.pk).update(state=JobState.FAILED, error="mx0: It is full.")
    assert says() == f"Job #{second.pk}: mx0: It is full."
    Job.objects.filter(pk=second.pk).update(state=JobState.SUCCEEDED)
    assert says() == f"Job #{second.pk} gave the former paths back."
    SharedPaths.objects.all().delete()
    Job.objects.all().delete()
    assert says() == "Nobody said yet where the folders shall lie."


def test_looks_and_refusals_hide_no_job_that_wrote(cluster: Cluster) -> None:
    done = job(cluster, JobState.SUCCEEDED)
    for _ in range(6):
        job(cluster, JobState.SUCCEEDED, dry_run=True)
    shown = applied_of(cluster)
    assert shown.sentence == f"Job #{done.pk} applied it and proved it on every node."
    assert len(shown.jobs) == 5


def test_mail_routing_alone_can_be_applied(cluster: Cluster) -> None:
    SharedPaths.objects.update(mode="", common="", routing=True, queues=r"\\files\mail\Queues")
    page = browser(cluster, Role.ADMINISTRATOR).get(f"/clusters/{cluster.pk}/shared-paths/").content.decode()
    assert "Nothing was written yet." in page
    assert "See what would change" in page


@pytest.mark.parametrize("jobs", [1, 3])
def test_it_takes_as_many_queries_for_any_number_of_jobs(cluster, jobs: int, django_assert_num_queries) -> None:
    for _ in range(jobs):
        job(cluster, JobState.SUCCEEDED)
    with django_assert_num_queries(3):
        assert len(applied_of(cluster).jobs) == jobs


def test_administrators_look_first_then_type_the_name(cluster: Cluster) -> None:
    client, address = browser(cluster, Role.ADMINISTRATOR), f"/clusters/{cluster.pk}/shared-paths/"
    page = client.get(address).content.decode()
    assert "See what would change" in page
    assert "Give the former paths back" not in page
    tried = client.post(f"{address}try/")
    dry = Job.objects.get()
    assert (tried.headers["Location"], dry.dry_run, dry.options) == (
        f"/jobs/{dry.pk}/",
        True,
        {"to": "shared", "moved": False},
    )
    assert client.post(f"{address}apply/", {"typed": "haven"}).status_code == 200
    asked = client.post(f"{address}apply/", {"typed": "harbour", "moved": "on", "reason": "moved by night"})
    made = Job.objects.latest("pk")
    assert (asked.headers["Location"], made.options, made.reason) == (
        f"/jobs/{made.pk}/",
        {"to": "shared", "moved": True},
        "moved by night",
    )
    remember(cluster)
    assert "Give the former paths back" in client.get(address).content.decode()
    client.post(f"{address}give-back/", {"typed": "harbour"})
    assert Job.objects.latest("pk").options == {"to": "former", "moved": False}


@pytest.mark.parametrize(
    ("line", "minutes", "is_back"),
    [
        ("Mail=C:\\Mail", 1, True),
        ("Mail=\\\\nas\\mail", 1, False),
        ("Mail=••", 1, False),
        ("", 1, False),
        ("Mail=C:\\Mail", -1, False),
    ],
)
def test_what_people_gave_back_by_hand_is_not_offered(cluster, line: str, minutes: int, is_back: bool) -> None:
    now = timezone.now()
    key = {"role": "users", "path": "App/MDaemon.ini", "section": "Directories", "key": "Mail"}
    FormerValue.objects.create(
        cluster=cluster, value=Secret("C:\\Mail"), wrote="\\\\nas\\mail", applied_at=now, job_number=1, **key
    )
    read = Candidate("users", "App/MDaemon.ini", "Directories", "Mail", 3, line)
    found = Found(candidates=(read,) if line else ())
    KeySearch.objects.create(
        cluster=cluster,
        requested_by="x",
        requested_at=now,
        found=Secret(json.dumps(asdict(found))),
        found_at=now + timedelta(minutes=minutes),
    )
    applied = applied_of(cluster)
    assert (applied.is_back, applied.may_go_back) == (is_back, not is_back)
    page = browser(cluster, Role.ADMINISTRATOR).get(f"/clusters/{cluster.pk}/shared-paths/").content.decode()
    assert ("Give the former paths back" in page, "Nothing is left to give back" in page) == (not is_back, is_back)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_others_see_how_it_stands_and_no_button(cluster: Cluster, role: Role) -> None:
    remember(cluster)
    client = browser(cluster, role)
    page = client.get(f"/clusters/{cluster.pk}/shared-paths/").content.decode()
    assert "Nothing was written yet." in page
    assert "See what would change" not in page
    assert client.post(f"/clusters/{cluster.pk}/shared-paths/apply/", {"typed": "harbour"}).status_code == 403
