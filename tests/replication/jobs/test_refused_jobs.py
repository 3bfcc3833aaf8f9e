"""A kind that refuses while it plans or runs raises it: the job, or its target, fails with what it says."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.errors import Refused
from accounts.principals import SYSTEM
from nodes.enums import NodeRole
from replication.jobs.driving import drive
from replication.jobs.models import Job, Target
from replication.jobs.planning import plan_job
from replication.jobs.services.requests import JobRequest, request_job
from tests.replication import toy
from tests.replication.conftest import Toys


def refuse(*_: Any) -> None:
    raise Refused("gone_away", "There is nobody there.", "Ask later.")


def test_a_plan_that_is_refused(toys: Toys, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(toy.ToyRunner, "plan", refuse)
    job = toys.planned()
    assert (job.state, job.error_code, job.error) == ("failed", "gone_away", "There is nobody there. Ask later.")
    assert caplog.text == ""


def test_a_target_that_is_refused(
    toys: Toys, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = toys.planned(names="a")
    monkeypatch.setattr(toy.ToyRunner, "run_target", refuse)
    drive()
    target = Target.objects.get(job=job)
    assert (target.state, target.error_code, target.error) == (
        "failed",
        "gone_away",
        "There is nobody there. Ask later.",
    )
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("kind", "options", "code", "words"),
    [
        ("replicate", {}, "no_primary", "The cluster has no primary. Give one node the role primary."),
        ("features", {"to": "restore"}, "clustering_on", "Clustering is enabled. Disable it to have the features"),
        ("leave", {}, "one_node", "Name exactly one node that shall leave."),
    ],
)
def test_what_each_kind_refuses_while_it_plans(mail, monkeypatch, kind, options, code, words) -> None:
    monkeypatch.setattr("replication.configuration.job.runner.check_portal_may_replicate", lambda *_, **__: None)
    monkeypatch.setattr("replication.jobs.services.requests.check_mode", lambda *_, **__: None)
    assert not mail.nodes.filter(role=NodeRole.PRIMARY).exists()
    job, _ = request_job(SYSTEM, JobRequest(mail.pk, kind, options=options))
    assert plan_job(job.pk)
    job = Job.objects.get(pk=job.pk)
    assert (job.state, job.error_code) == ("failed", code)
    assert job.error.startswith(words)
