"""One worker, one job: from request to the end, and every way it can end."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.errors import Refused
from accounts.principals import SYSTEM
from nodes.bounded import Bounded
from nodes.discovery.models import NetworkSearch
from nodes.enums import Health, SearchState
from nodes.errors import Unreachable
from nodes.leases.clock import later
from nodes.leases.worker import closing
from nodes.registry.models import Node
from replication import tasks as replication_tasks
from replication.jobs import driving, error_mapping, plan_store, planning
from replication.jobs.core.states import TargetState
from replication.jobs.driving import drive
from replication.jobs.models import Job, ResourceLock, Target
from replication.jobs.planning import plan_job
from replication.jobs.selectors.plans import Unreadable, stored_plan
from replication.jobs.services.backoff import QUICK_TRIES
from replication.jobs.services.recovery import Swept, sweep
from replication.jobs.services.requests import (
    JobRequest,
    approve_job,
    cancel_job,
    override_brakes,
    request_job,
    retry_job,
)
from replication.objects import KeyNotHeld, ObjectDamaged, ObjectMissing, StoreUnusable, default_store

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_job_runs_to_success(toys, messages):
    job = toys.request(steps=2)
    assert ("replication.tasks.plan", (job.pk,)) in messages
    replication_tasks.plan(job.pk)
    job = toys.now(job)
    assert (job.state, job.phase, job.owner, job.lease_until) == ("succeeded", "", "", None)
    assert job.ended_at
    assert toys.states(job) == {"a": "verified", "b": "verified", "c": "verified"}
    target = Target.objects.filter(job=job)[0]
    assert target.evidence == {"steps": 2}
    assert (target.files_done, target.files_total, target.bytes_done, target.bytes_total) == (2, 2, 20, 20)
    assert (target.fence, target.attempt) == (1, 1)
    log = toys.log(job)
    assert log[:3] == ["job.requested", "job.planning", "job.running"]
    assert log[-1] == "job.succeeded"
    assert log.count("toy.step") == 6
    assert log.count("target.verified") == 3
    assert toys.locks() == 0


def test_duplicated_messages_do_nothing(toys):
    job = toys.request()
    for _ in range(3):
        replication_tasks.plan(job.pk)
        replication_tasks.drive()
        replication_tasks.sweep()
    assert len(toys.done()) == 3
    assert toys.now(job).fence == 1


def test_a_sweep_where_nothing_is_open_asks_and_writes_nothing(toys):
    job = toys.request()
    replication_tasks.plan(job.pk)
    with CaptureQueriesContext(connection) as queries:
        swept = sweep()
    assert swept == Swept(0, 0, 0, 0)
    assert len(queries) == 3 and all(query["sql"].startswith("SELECT") for query in queries)


def test_a_sweep_sees_to_searches_as_well(toys, mail):
    search = NetworkSearch.objects.create(cluster=mail, networks=[], ssh_ports=[22], smtp_ports=[25], total=1)
    NetworkSearch.objects.update(created_at=later(-3600))
    replication_tasks.sweep()
    search.refresh_from_db()
    assert search.state == SearchState.FAILED


def test_dry_run_plans_and_touches_nothing(toys):
    job = toys.planned(dry_run=True, brake="shrunk")
    drive()
    assert (job.state, job.plan_digest != "", job.targets.count()) == ("succeeded", True, 0)
    assert job.plan_summary["brakes"][0]["code"] == "shrunk"
    assert toys.done() == []


def test_approval_needs_the_digest_that_was_seen(toys):
    job = toys.planned(approval=True)
    assert job.state == "awaiting_approval"
    assert toys.locks() == 0
    drive()
    assert toys.done() == []
    with pytest.raises(Refused, match="another plan"):
        approve_job(SYSTEM, job.pk, "0" * 64)
    approve_job(SYSTEM, job.pk, job.plan_digest)
    drive()
    job = toys.now(job)
    assert (job.state, job.approved_by) == ("succeeded", "system")
    with pytest.raises(Refused, match="does not await approval"):
        approve_job(SYSTEM, job.pk, job.plan_digest)


def test_brakes_halt_until_overridden(toys, messages):
    job = toys.planned(brake="shrunk")
    assert (job.state, job.error_code, job.targets.count()) == ("halted", "shrunk", 0)
    with pytest.raises(ValidationError, match="Name brakes"):
        override_brakes(SYSTEM, job.pk, ["other"], "because")
    with pytest.raises(ValidationError, match="Say in 1"):
        override_brakes(SYSTEM, job.pk, ["shrunk"], " ")
    override_brakes(SYSTEM, job.pk, ["shrunk"], "half the lists were retired")
    assert toys.now(job).state == "requested"
    replication_tasks.plan(job.pk)
    assert toys.now(job).state == "succeeded"
    with pytest.raises(Refused, match="not halted"):
        override_brakes(SYSTEM, job.pk, ["shrunk"], "again")


def test_an_override_ends_after_an_hour(toys):
    job = toys.planned(brake="shrunk")
    override_brakes(SYSTEM, job.pk, ["shrunk"], "reason")
    entries = toys.now(job).overrides
    entries[0]["until"] = entries[0]["at"]
    Job.objects.filter(pk=job.pk).update(overrides=entries)
    plan_job(job.pk)
    assert toys.now(job).state == "halted"


@pytest.mark.parametrize(
    ("error", "state", "code"), [("auth", "failed", "auth_rejected"), ("bug", "failed", "internal_error")]
)
def test_what_is_not_retryable_fails_its_target_only(toys, error, state, code):
    job = toys.planned(fail={"b": error})
    drive()
    job = toys.now(job)
    assert (job.state, job.error_code) == ("failed", code)
    assert toys.states(job) == {"a": "verified", "b": state, "c": "verified"}
    assert job.error.startswith("b: ")
    assert "ZeroDivision" not in job.error
    assert len([one for one in toys.done() if one.node == "b"]) == 1


def test_an_unreachable_node_lets_the_job_converge(toys):
    job = toys.planned(fail={"b": "unreachable"}, fail_tries=1)
    drive()
    job = toys.now(job)
    target = job.targets.get(node__name="b")
    assert (job.state, target.state, target.error_code) == ("converging", "waiting", "unreachable")
    assert target.not_before is not None
    assert toys.locks() == 0
    drive()
    assert toys.states(job)["b"] == "waiting", "not before it is due"
    Target.objects.filter(pk=target.pk).update(not_before=later(-1))
    sweep()
    drive()
    assert toys.now(job).state == "succeeded"


def test_a_hiccup_is_tried_again_at_once(toys):
    job = toys.planned(names="a", fail={"a": "busy"}, fail_tries=2)
    drive()
    assert toys.now(job).state == "succeeded"
    assert toys.now(job).targets.get().attempt == 3


def test_after_three_hiccups_the_target_waits(toys):
    job = toys.planned(names="a", fail={"a": "busy"})
    drive()
    target = toys.now(job).targets.get()
    assert (target.state, target.attempt, toys.now(job).state) == ("waiting", 3, "converging")


@pytest.mark.parametrize("state", ["blocked", "contended", "halted"])
def test_what_the_runner_says_of_a_target_decides(toys, state):
    job = toys.planned(state={"b": state})
    drive()
    assert toys.states(job)["b"] == state
    assert toys.now(job).state == ("halted" if state == "halted" else "failed")


@pytest.mark.parametrize(("state", "wanted"), [("cancelled", "failed"), ("failed", "halted"), ("cancelled", "halted")])
def test_a_job_says_the_error_of_a_node_for_which_it_ended_so(toys, state, wanted):
    job = toys.planned(state={"a": state, "b": wanted})
    drive()
    job = toys.now(job)
    assert (job.state, job.error.split(":")[0]) == (wanted, "b")


def test_a_halted_target_runs_again_after_an_override(toys):
    job = toys.planned(names="b", state={"b": "halted"})
    drive()
    assert toys.now(job).state == "halted"
    override_brakes(SYSTEM, job.pk, ["toy"], "it is fine")
    Job.objects.filter(pk=job.pk).update(options={**job.options, "state": {}})
    replication_tasks.plan(job.pk)
    assert toys.now(job).state == "succeeded"
    assert job.targets.get().fence == 3


def test_planning_waits_for_a_primary_that_is_away(toys):
    job = toys.planned(plan_error="unreachable")
    assert (job.state, job.error_code) == ("requested", "unreachable")
    assert job.not_before is not None
    assert not plan_job(job.pk), "not before it is due"
    assert toys.locks() == 0


@pytest.mark.parametrize(("error", "code"), [("auth", "auth_rejected"), ("bug", "internal_error")])
def test_planning_fails_for_good(toys, error, code):
    job = toys.planned(plan_error=error)
    assert (job.state, job.error_code, toys.locks()) == ("failed", code, 0)


def test_retry_takes_up_only_what_failed(toys):
    job = toys.planned(fail={"b": "auth"})
    drive()
    again = retry_job(SYSTEM, job.pk)
    assert again.retry_of == job
    Job.objects.filter(pk=again.pk).update(options={**again.options, "fail": {}})
    replication_tasks.plan(again.pk)
    assert toys.states(again) == {"b": "verified"}
    with pytest.raises(Refused, match="only failed"):
        retry_job(SYSTEM, again.pk)


def test_one_job_at_a_time_holds_a_resource(toys, messages):
    first = toys.planned(steps=1)
    second = toys.request()
    assert not plan_job(second.pk)
    assert toys.now(second).phase == f"waits for job #{first.pk}"
    messages.clear()
    drive()
    assert ("replication.tasks.plan", (second.pk,)) in messages
    replication_tasks.plan(second.pk)
    assert toys.now(second).state == "succeeded"


def test_a_newer_job_supersedes_what_waits(toys):
    converging = toys.planned(fail={"b": "unreachable"})
    drive()
    awaiting = toys.planned(approval=True)
    assert toys.now(converging).state == "converging", "a plan that waits for a person relieves nobody"
    newer = toys.planned()
    for old in (converging, awaiting):
        old = toys.now(old)
        assert (old.state, old.error) == ("cancelled", f"Superseded by #{newer.pk}.")
        assert "job.superseded" in toys.log(old)
    drive()
    assert toys.now(newer).state == "succeeded"


def test_a_newer_job_for_other_nodes_relieves_nobody(toys):
    converging = toys.planned(fail={"b": "unreachable"})
    drive()
    toys.planned(names="ac")
    assert toys.now(converging).state == "converging"


@pytest.mark.parametrize("prepare", ["requested", "awaiting", "halted"])
def test_cancel_at_once_what_nobody_works_on(toys, prepare):
    job = {
        "requested": toys.request,
        "awaiting": lambda: toys.planned(approval=True),
        "halted": lambda: toys.planned(brake="x"),
    }[prepare]()
    cancel_job(SYSTEM, job.pk)
    job = toys.now(job)
    assert (job.state, job.cancel_requested_by, toys.locks()) == ("cancelled", "system", 0)
    assert cancel_job(SYSTEM, job.pk).state == "cancelled"
    assert not plan_job(job.pk)


def test_cancel_pending_targets(toys):
    job = toys.planned()
    assert cancel_job(SYSTEM, job.pk).state == "cancelled"
    assert set(toys.states(job).values()) == {"cancelled"}
    with pytest.raises(Refused, match="already ended"):
        done = toys.planned()
        drive()
        cancel_job(SYSTEM, done.pk)


def test_paused_cluster_starts_nothing(toys):
    toys.cluster.paused = True
    toys.cluster.save()
    job = toys.request()
    assert not plan_job(job.pk)
    assert toys.now(job).phase == "cluster is paused"
    toys.cluster.paused = False
    toys.cluster.save()
    assert sweep().jobs_woken == 1
    replication_tasks.plan(job.pk)
    assert toys.now(job).state == "succeeded"


def test_paused_node_waits_and_goes_on_when_resumed(toys):
    Node.objects.filter(name="b").update(paused=True)
    job = toys.planned()
    drive()
    assert toys.states(job) == {"a": "verified", "b": "waiting", "c": "verified"}
    assert toys.now(job).state == "converging"
    assert job.targets.get(node__name="b").phase == "node b is paused"
    assert drive() == 0
    Node.objects.filter(name="b").update(paused=False)
    drive()
    assert toys.now(job).state == "succeeded"


def test_idempotency(toys):
    request = JobRequest(toys.cluster.pk, "toy", {"journal": str(toys.journal)}, idempotency_key="k1")
    job, created = request_job(SYSTEM, request)
    again, created_again = request_job(SYSTEM, request)
    assert (created, created_again, again.pk) == (True, False, job.pk)
    with pytest.raises(Refused, match="something else") as caught:
        request_job(SYSTEM, JobRequest(toys.cluster.pk, "toy", {"steps": 3}, idempotency_key="k1"))
    assert caught.value.code == "idempotency_key_reused"
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "nonsense"}, "kind"),
        ({"node_ids": (999_999,)}, "nodes"),
        ({"options": {"steps": -1}}, "options"),
        ({"options": {"blob": "x" * 30_000}}, "options"),
        ({"reason": "x" * 301}, "reason"),
    ],
)
def test_bad_requests_name_the_field(toys, change, field):
    fields = {"cluster_id": toys.cluster.pk, "kind": "toy", **change}
    with pytest.raises(ValidationError) as caught:
        request_job(SYSTEM, JobRequest(**fields))
    assert field in caught.value.message_dict
    assert Job.objects.count() == 0


def test_a_lost_plan_is_said_and_made_anew(toys, monkeypatch):
    monkeypatch.setattr(plan_store, "_RECENT", Bounded(4))
    monkeypatch.setattr(error_mapping, "QUICK_TRIES", 1)
    job = toys.planned(approval=True)
    plan_store._RECENT.forget()
    default_store().purge([job.plan_object])
    with pytest.raises(Unreadable, match="is not in the store"):
        stored_plan(toys.now(job))
    _fails_and_is_planned_anew(toys, job, "object_missing", "Retry the job: it is planned anew")


def _fails_and_is_planned_anew(toys, job: Job, code: str, words: str) -> None:
    approve_job(SYSTEM, job.pk, job.plan_digest)
    drive()
    job = toys.now(job)
    assert (job.state, job.error_code) == ("failed", code)
    assert words in job.error
    assert toys.done() == []
    again = retry_job(SYSTEM, job.pk)
    plan_job(again.pk)
    assert toys.now(again).state == "awaiting_approval"


@pytest.mark.parametrize(
    ("error", "code", "again"),
    [
        (ObjectDamaged("abc", "its head is cut off"), "object_damaged", True),
        (ObjectMissing("0" * 64), "object_missing", True),
        (KeyNotHeld("abc"), "object_key_missing", False),
        (StoreUnusable("The store cannot be used."), "object_store_unusable", False),
    ],
)
def test_what_the_store_lost_is_looked_at_anew_and_all_else_of_it_has_its_words(toys, error, code, again):
    job = Job(attempt=1)
    outcome = planning._failure(job, error)
    assert (outcome.error_code, outcome.error, bool(outcome.retry_after)) == (code, str(error), again)
    job.attempt = QUICK_TRIES
    assert planning._failure(job, error).retry_after is None
    ended = error_mapping.ended_by_error(error, Target(attempt=1))
    assert (ended.error_code, ended.state == TargetState.PENDING) == (code, again)
    ended = error_mapping.ended_by_error(error, Target(attempt=QUICK_TRIES))
    assert (ended.error_code, ended.state) == (code, TargetState.FAILED)


def test_a_plan_stored_by_an_older_version_is_planned_again(toys):
    job = toys.planned(approval=True)
    older = b'{"format":1,"snapshot_root":"","steps":[],"nodes":[],"brakes":[],"problems":[],"unclassified":[]}'
    Job.objects.filter(pk=job.pk).update(plan_object=default_store().put(older))
    with pytest.raises(Unreadable, match="Plan again"):
        stored_plan(toys.now(job))
    _fails_and_is_planned_anew(toys, job, "plan_outdated", "made by an older version of the portal. Plan again")


def test_a_node_that_planning_did_not_reach_waits_and_holds_nothing(toys):
    job = toys.planned(away=["b"], fail={"b": "unreachable"})
    assert toys.states(job) == {"a": "pending", "b": "waiting", "c": "pending"}
    drive()
    target = job.targets.get(node__name="b")
    assert (toys.now(job).state, target.error_code, target.attempt) == ("converging", "unreachable", 0)
    assert toys.locks() == 0
    assert {one.node for one in toys.done()} == {"a", "c"}


def test_a_job_whose_nodes_are_all_away_converges_at_once(toys):
    job = toys.planned(away=["a", "b", "c"])
    assert (job.state, toys.locks()) == ("converging", 0)


def test_an_approved_plan_tries_all_of_its_nodes(toys):
    job = toys.planned(away=["a", "b", "c"], approval=True)
    assert set(job.targets.values_list("state", "phase")) == {("waiting", "it does not answer")}
    job = approve_job(SYSTEM, job.pk, job.plan_digest)
    assert (job.state, toys.locks()) == ("converging", 0)
    drive()
    assert toys.now(job).state == "succeeded"


def test_nothing_is_claimed_for_a_node_at_whose_door_nobody_answers(toys, monkeypatch):
    """Its job holds nothing meanwhile, so that the next one goes on; once somebody answers it is done."""
    job = toys.planned(away=["b"])
    drive()
    due = Target.objects.filter(job=job, node__name="b")
    due.update(not_before=later(-1))
    held: list[int] = []

    def nobody(node: Node) -> None:
        held.append(ResourceLock.objects.count())
        raise Unreachable("Nobody answers.")

    monkeypatch.setattr(driving, "knock_at", lambda node: closing(lambda: nobody(node)))
    drive()
    target = due.get()
    assert held == [0]
    assert (target.state, target.attempt, target.fence, toys.locks()) == ("waiting", 1, 0, 0)
    assert "Nobody answers." in target.error
    assert target.phase.startswith("next try in")
    assert toys.log(job).count("target.running") == 2
    monkeypatch.setattr(driving, "knock_at", lambda node: None)
    due.update(not_before=later(-1))
    drive()
    assert toys.now(job).state == "succeeded"


def test_a_node_that_was_found_back_is_not_waited_for_any_longer(toys, monkeypatch):
    job = toys.planned(away=["b"])
    drive()
    target, node = Target.objects.filter(job=job, node__name="b"), Node.objects.filter(name="b")
    target.update(not_before=later(300))
    node.update(health=Health.OK)
    knocks: list[str] = []

    def nobody(node: Node) -> None:
        knocks.append(node.name)
        raise Unreachable

    monkeypatch.setattr(driving, "knock_at", nobody)
    for _ in range(2):
        drive()
    assert knocks == ["b"], "it is known to be away again"
    assert node.get().health == Health.DOWN
    node.update(health=Health.OK)
    monkeypatch.setattr(driving, "knock_at", lambda node: None)
    drive()
    assert toys.now(job).state == "succeeded"


def test_what_is_cancelled_while_somebody_knocks_stays_cancelled(toys, monkeypatch):
    job = toys.planned(away=["b"], names="b")
    Target.objects.filter(job=job).update(not_before=later(-1))

    def cancelled(node: Node) -> None:
        closing(lambda: cancel_job(SYSTEM, job.pk))
        raise Unreachable

    monkeypatch.setattr(driving, "knock_at", cancelled)
    drive()
    assert (toys.states(job), toys.now(job).state) == ({"b": "cancelled"}, "cancelled")
