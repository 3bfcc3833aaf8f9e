"""Conflicts as they are written down and listed: each edit once, and the log says what was written."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils.timezone import now

from accounts.audit import record
from accounts.principals import SYSTEM
from nodes.products.loading import load_profile
from replication.configuration.job.conflicts import EditKeeper
from replication.configuration.models import Baseline, Conflict
from replication.files.apply.context import Overwritten
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.states import JobState
from replication.jobs.interruptions import Cancelled
from replication.jobs.models import Job, JobEvent, Target
from replication.jobs.runner import TargetWork
from replication.objects import default_store
from tests.factories import make_node
from tests.replication.files.rounds import Interrupting

PATH = "App/list.grp"


@pytest.fixture
def keeper(cluster) -> EditKeeper:
    node = make_node(cluster, "mx1")
    job = Job.objects.create(cluster=cluster, kind="replicate", state=JobState.RUNNING)
    target = Target.objects.create(job=job, node=node)
    guard = Interrupting("", Cancelled("nobody"))
    work = TargetWork(job, target, node, guard, Plan((NodePlan(node.pk, node.name),)))
    return EditKeeper(work, load_profile("mdaemon"), default_store(), lambda _: None)


def edit(content: str) -> Overwritten:
    return Overwritten(PATH, content * 64, 1, False)


def said() -> list[str]:
    return list(JobEvent.objects.filter(code="conflict.kept").order_by("pk").values_list("text", flat=True))


def test_a_file_edited_twice_during_one_job_has_two_conflicts(keeper: EditKeeper) -> None:
    keeper.record([edit("1")])
    keeper.record([edit("2"), Overwritten(PATH, "", 0, False)])
    assert set(Conflict.objects.values_list("content", flat=True)) == {"1" * 64, "2" * 64, ""}
    assert keeper.kept == 3
    assert [text.partition(", ")[2] for text in said()] == [f"1 in all: {PATH}", f"2 in all: {PATH}, {PATH}"]


def test_the_log_is_silent_on_what_was_written_before(keeper: EditKeeper) -> None:
    keeper.record([edit("1"), edit("1")])
    keeper.record([edit("1")])
    keeper.record([])
    assert (keeper.kept, len(said())) == (1, 1)


def test_both_conflicts_of_one_file_are_listed(keeper: EditKeeper, cluster, operator, api_for, console_for) -> None:
    keeper.record([edit("1"), edit("2")])
    listed = api_for(operator).get("/api/v1/conflicts").data["results"]
    assert [row["path"] for row in listed] == [PATH, PATH]
    page = console_for(operator).get(reverse("replication:cluster-configuration", args=[cluster.pk])).content.decode()
    assert page.count(f"<code>{PATH}</code>") == 2
    for row in listed:
        assert api_for(operator).post(f"/api/v1/conflicts/{row['id']}/close").status_code == 200
    assert not Conflict.objects.filter(closed_at=None).exists()


def test_after_a_restore_what_is_kept_may_be_no_edit_until_the_node_is_proven_anew(
    keeper: EditKeeper, cluster, operator, api_for, console_for
) -> None:
    node = cluster.nodes.get()
    words = "after the backup that the portal was restored from"
    baseline = Baseline.objects.create(node=node, root="0" * 64, proven_at=now())
    keeper.record([edit("1")])
    record(SYSTEM, "portal.restore", "Restored from a backup")
    keeper.record([edit("2")])
    Baseline.objects.filter(pk=baseline.pk).update(proven_at=now())
    keeper.record([edit("3")])
    listed = api_for(operator).get("/api/v1/conflicts").data["results"]
    assert [row["may_be_given"] for row in listed] == [False, True, False]
    page = console_for(operator).get(reverse("replication:cluster-configuration", args=[cluster.pk])).content.decode()
    assert page.count(words) == 1
    assert [words in text for text in said()] == [False, True, False]
