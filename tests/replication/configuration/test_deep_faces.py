"""Asking for a replication that hashes every file anew, by form and REST, and how its pages show it."""

from __future__ import annotations

import pytest

from replication.configuration.core.hashed import hashed_anew
from replication.jobs.core.plan import Plan
from replication.jobs.core.states import JobState
from replication.jobs.kinds import kind_named
from replication.jobs.models import Job
from replication.jobs.plan_store import store_plan
from tests.factories import make_node

pytestmark = pytest.mark.django_db

ASKED = {"kind": "replicate", "way": "dry", "key": "abc"}
BOX = 'name="deep"'


@pytest.fixture
def browser(administrator, console_for):
    return console_for(administrator)


@pytest.mark.parametrize(("ticked", "options"), [({"deep": "on"}, {"deep": True}), ({}, {})])
def test_the_form_has_a_box_for_it(browser, cluster, ticked, options) -> None:
    browser.post(f"/clusters/{cluster.pk}/jobs/new/", ASKED | ticked)
    assert Job.objects.get().options == options


def test_a_link_may_tick_it_and_other_kinds_have_none(browser, cluster) -> None:
    def box(query: str) -> str:
        page = browser.get(f"/clusters/{cluster.pk}/jobs/new/{query}").content.decode()
        return page.partition(BOX)[2].partition(">")[0] if BOX in page else "none"

    assert "checked" not in box("?kind=replicate")
    assert "checked" in box("?kind=replicate&deep=1")
    assert box("?kind=features&deep=1") == "none"


def test_rest_takes_it_as_an_option(api_for, administrator, cluster) -> None:
    api = api_for(administrator)
    asked = {"kind": "replicate", "cluster": cluster.pk, "dry_run": True}
    made = api.post("/api/v1/jobs", asked | {"options": {"deep": True}})
    assert (made.status_code, made.data["options"]) == (202, {"deep": True})
    refused = api.post("/api/v1/jobs", asked | {"options": {"deep": "very"}})
    assert (refused.status_code, refused.data["errors"][0]["field"]) == (400, "options")


def test_every_page_says_that_a_job_is_deep_and_its_own_what_it_found(browser, cluster) -> None:
    node = make_node(cluster, "mx1")
    job = Job.objects.create(
        cluster=cluster, kind="replicate", state=JobState.SUCCEEDED, options={"deep": True}, dry_run=True
    )
    stored = store_plan(kind_named("replicate").codec, Plan(nodes=()))
    job.plan_object, job.plan_digest = stored.object_id, stored.digest
    job.plan_summary = {"hashed": hashed_anew(4000, 4, [("mx1", "App/a.dat")])}
    job.save()
    job.targets.create(node=node)

    pages = [f"/jobs/{job.pk}/", "/jobs/", f"/clusters/{cluster.pk}/jobs/", f"/nodes/{node.pk}/jobs/"]
    shown = {page: browser.get(page).content.decode() for page in pages}
    assert [page for page, text in shown.items() if "plan only, deep" not in text] == []
    sentence = "4000 files hashed anew on 4 servers; 1 had changed behind the same size and times: "
    assert f"{sentence}&#x27;App/a.dat&#x27; on mx1." in shown[pages[0]]


@pytest.mark.parametrize(("dry_run", "said"), [(True, "Nothing was changed."), (False, "kept under Conflicts.")])
def test_the_configuration_page_says_what_became_of_a_finding(browser, cluster, dry_run: bool, said: str) -> None:
    job = Job(cluster=cluster, kind="replicate", state=JobState.SUCCEEDED, options={"deep": True}, dry_run=dry_run)
    job.plan_summary = {"hashed": hashed_anew(4000, 4, [("mx1", "App/a.dat")])}
    job.save()
    page = browser.get(f"/clusters/{cluster.pk}/configuration/").content.decode()
    assert "Hidden changes" in page and said in page
    job.plan_summary = {"hashed": hashed_anew(4000, 4, [])}
    job.save()
    page = browser.get(f"/clusters/{cluster.pk}/configuration/").content.decode()
    assert "Hidden changes" not in page and said not in page
