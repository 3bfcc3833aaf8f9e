"""The job page: progress, plan, approval, brakes, log."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import Role
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.models import Job, JobEvent, Target
from replication.jobs.services.workers import note_worker
from tests.browser.seed import Seeded, seed
from tests.factories import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def portal() -> Seeded:
    return seed()


@pytest.fixture
def browser(portal, console_for):
    return console_for(portal.user)


def test_a_running_job_shows_progress_and_asks_again(portal, browser) -> None:
    page = browser.get(f"/jobs/{portal.running.pk}/").content.decode()
    assert 'value="62"' in page
    assert f'hx-get="/jobs/{portal.running.pk}/live/' in page
    assert "every 2s" in page
    assert "sending App/Lists" in page
    assert f"cluster:{portal.cluster.pk}:config" in page


def test_new_lines_are_appended_and_old_ones_not_repeated(portal, browser) -> None:
    last = JobEvent.objects.filter(job=portal.running).latest("id").pk
    JobEvent.objects.create(job=portal.running, at=timezone.now(), code="x", text="a new line <b>")
    live = browser.get(f"/jobs/{portal.running.pk}/live/", {"was": "running", "after": last}).content.decode()
    assert "beforeend:#job-log" in live
    assert "a new line &lt;b&gt;" in live
    assert "Planned 8 changes." not in live
    assert "job-standing" not in live


def test_a_job_that_ended_is_asked_no_more(portal, browser) -> None:
    live = browser.get(f"/jobs/{portal.failed.pk}/live/", {"was": "running", "after": "x"}).content.decode()
    assert "hx-get" not in live
    assert 'id="job-standing"' in live
    assert "The node has no space left." in live
    assert "Retry what failed" in live


def test_the_plan_is_shown_and_approved_as_seen(portal, browser) -> None:
    address = f"/jobs/{portal.awaiting.pk}/"
    page = browser.get(address).content.decode()
    for words in ("App/Lists/all hands.mbx", "USERLIST.SEM", "Edited there", "not answered; kept", "App/only-here.txt"):
        assert words in page
    refused = browser.post(f"{address}approve/", {"digest": "another"}, follow=True)
    assert b"has another plan by now" in refused.content
    assert _state(portal.awaiting) == JobState.AWAITING_APPROVAL
    browser.post(f"{address}approve/", {"digest": portal.awaiting.plan_digest})
    assert _state(portal.awaiting) == JobState.RUNNING


def test_brakes_are_overridden_with_a_reason_only(portal, browser) -> None:
    address = f"/jobs/{portal.halted.pk}/override/"
    browser.post(address, {"codes": ["primary_shrunk"], "reason": ""})
    browser.post(address, {"codes": ["another"], "reason": "because"})
    assert _state(portal.halted) == JobState.HALTED
    browser.post(address, {"codes": ["primary_shrunk"], "reason": "lists were cleaned up"})
    assert _state(portal.halted) == JobState.REQUESTED


def test_a_brake_that_only_a_target_met_can_be_overridden(portal, browser) -> None:
    """The plan was fine; one node halted when it was looked at again."""
    job = portal.halted
    job.plan_summary = {"brakes": []}
    job.error_code = ""
    job.save()
    node = portal.cluster.nodes.get(name="eu-mx2")
    values = {"state": TargetState.HALTED, "error_code": "no_space", "error": "3 GiB more are needed."}
    Target.objects.create(job=job, node=node, **values)
    page = browser.get(f"/jobs/{job.pk}/").content.decode()
    assert 'name="codes" value="no_space"' in page
    assert "<b>No space, eu-mx2</b>" in page
    assert "3 GiB more are needed." in page
    browser.post(f"/jobs/{job.pk}/override/", {"codes": ["no_space"], "reason": "it is compressed there"})
    assert _state(job) == JobState.REQUESTED


def test_the_board_shows_idle_workers_to_those_of_the_whole_portal(portal, browser, console_for) -> None:
    assert b"No worker gave a sign of life" in browser.get("/jobs/board/").content
    note_worker("mail:4712", "remote")
    board = browser.get("/jobs/board/").content.decode()
    assert "mail:4712" in board
    assert "Idle" in board
    assert "worker-1@mail:4711" in board
    assert "no sign of life lately" in board
    member = make_member(portal.cluster, Role.OPERATOR)
    assert "mail:4712" not in console_for(member).get("/jobs/board/").content.decode()


def test_cancel_and_retry(portal, browser) -> None:
    browser.post(f"/jobs/{portal.halted.pk}/cancel/")
    assert _state(portal.halted) == JobState.CANCELLED
    made = browser.post(f"/jobs/{portal.failed.pk}/retry/")
    assert made.headers["Location"] != f"/jobs/{portal.failed.pk}/"
    again = browser.post(f"/jobs/{portal.running.pk}/retry/", follow=True)
    assert b"only failed and cancelled jobs can be retried" in again.content


def test_a_plan_that_cannot_be_read_does_not_break_the_page(portal, browser) -> None:
    portal.awaiting.plan_object = "f" * 64
    portal.awaiting.save()
    answer = browser.get(f"/jobs/{portal.awaiting.pk}/")
    assert answer.status_code == 200
    assert b"The stored plan cannot be read" in answer.content


def test_targets_say_what_stopped_them(portal, browser) -> None:
    page = browser.get(f"/jobs/{portal.failed.pk}/").content.decode()
    assert "The node has no space left." in page
    assert TargetState.FAILED.value.capitalize() in page


def test_proof_is_shown_and_a_pending_restart_too(portal, browser) -> None:
    page = browser.get(f"/jobs/{portal.done.pk}/").content.decode()
    assert "5012 files proven; 4 changed; LISTS.SEM taken; files of its own: 1." in page
    assert "Restart pending" in page


def test_the_longest_phases_are_shown_of_planning_and_of_the_nodes(portal, browser) -> None:
    Job.objects.filter(pk=portal.done.pk).update(phases={"snapshot-taken": 1.25, "nodes-planned": 6.0})
    portal.done.targets.update(phases={"looked": 3.0})
    page = browser.get(f"/jobs/{portal.done.pk}/").content.decode()
    assert "nodes planned 6.0 s, snapshot taken 1.2 s" in page and "looked 3.0 s" in page


def _state(job: Job) -> str:
    job.refresh_from_db()
    return job.state


def test_a_node_that_was_not_looked_at_is_not_said_to_have_no_changes(portal, browser) -> None:
    page = browser.get(f"/jobs/{portal.awaiting.pk}/").content.decode()
    assert "4 changes on 2 nodes" in page and "1 of them not looked at" in page
    assert "0 changes" not in page
    assert "The node does not answer. It is tried again." in page


def test_nothing_is_said_to_be_tried_again_of_a_job_that_ended(portal, browser) -> None:
    page = browser.get(f"/jobs/{portal.done.pk}/").content.decode()
    assert "The node does not answer." in page and "It is tried again" not in page


def test_what_a_node_does_now_comes_before_how_the_last_try_ended(portal, browser) -> None:
    error = {"error": "The node did not finish in time.", "error_code": "timed_out"}
    Target.objects.filter(job=portal.running, state=TargetState.RUNNING).update(**error)
    page = browser.get(f"/jobs/{portal.running.pk}/").content.decode()
    assert "sending App/Lists" in page and "The try before: The node did not finish in time." in page
    assert "timed_out" not in page
