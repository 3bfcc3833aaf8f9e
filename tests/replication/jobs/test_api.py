"""Jobs over REST: request, follow, approve, cancel, retry, override; who may; how many queries."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEvent, Role
from accounts.principals import SYSTEM
from replication.configuration.models import Conflict, Snapshot
from replication.jobs import wake
from replication.jobs.driving import drive
from replication.jobs.models import Job, Worker
from replication.jobs.planning import plan_job
from replication.jobs.services.claims import claim_targets
from replication.jobs.services.requests import JobRequest, request_job
from replication.jobs.services.workers import note_worker, note_worker_gone
from tests.factories import make_cluster, make_member, make_node
from tests.replication import toy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _toys(monkeypatch) -> None:
    toy.install()
    monkeypatch.setattr(wake, "_send", lambda name, *args: None)


@pytest.fixture
def nodes(cluster):
    return [make_node(cluster, name) for name in "abc"]


@pytest.fixture
def api(api_for, operator):
    return api_for(operator)


def body(cluster, tmp_path: Path, **options) -> dict[str, Any]:
    return {"kind": "toy", "cluster": cluster.pk, "options": {"journal": str(tmp_path / "journal"), **options}}


def make_job(cluster, tmp_path: Path, **options) -> Job:
    fields = body(cluster, tmp_path, **options)
    return request_job(SYSTEM, JobRequest(cluster.pk, "toy", fields["options"]))[0]


def test_request_follow_and_end(api, cluster, nodes, tmp_path):
    answer = api.post("/api/v1/jobs", {**body(cluster, tmp_path), "reason": "new list", "nodes": [nodes[1].pk]})
    assert answer.status_code == 202, answer.data
    assert answer.data["state"] == "requested"
    assert answer.data["requester"] == "operator"
    where = answer.headers["Location"]
    assert plan_job(answer.data["id"])
    drive()
    job = api.get(where).data
    assert (job["state"], job["target_states"]) == ("succeeded", {"verified": 1})
    assert job["targets"][0]["node_name"] == "b"
    assert job["targets"][0]["evidence"] == {"steps": 1}
    assert job["progress"]["percent"] == 100
    assert api.get(where + "/").data["id"] == job["id"]
    assert AuditEvent.objects.filter(action="job.request", actor="operator", via="api").count() == 1


def test_idempotency_key(api, cluster, nodes, tmp_path):
    first = api.post("/api/v1/jobs", body(cluster, tmp_path), HTTP_IDEMPOTENCY_KEY="abc")
    again = api.post("/api/v1/jobs", body(cluster, tmp_path), HTTP_IDEMPOTENCY_KEY="abc")
    other = api.post("/api/v1/jobs", body(cluster, tmp_path, steps=5), HTTP_IDEMPOTENCY_KEY="abc")
    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 409)
    assert again.data["id"] == first.data["id"]
    assert other.data["code"] == "idempotency_key_reused"
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "nonsense"}, "kind"),
        ({"kind": None}, "kind"),
        ({"cluster": "x"}, "cluster"),
        ({"nodes": [999_999]}, "nodes"),
        ({"nodes": "all"}, "nodes"),
        ({"options": [1]}, "options"),
        ({"options": {"steps": -1}}, "options"),
        ({"dry_run": "perhaps"}, "dry_run"),
        ({"reason": "x" * 301}, "reason"),
        ({"dryrun": True}, "dryrun"),
    ],
)
def test_bad_bodies_name_the_field(api, cluster, nodes, tmp_path, change, field):
    answer = api.post("/api/v1/jobs", {**body(cluster, tmp_path), **change})
    assert answer.status_code == 400
    assert field in {error["field"].split(".")[0] for error in answer.data["errors"]}
    assert all(error["remedy"] for error in answer.data["errors"])
    assert Job.objects.count() == 0


def test_approve_with_the_digest(api, cluster, nodes, tmp_path):
    job = make_job(cluster, tmp_path, approval=True)
    plan_job(job.pk)
    seen = api.get(f"/api/v1/jobs/{job.pk}").data
    assert seen["state"] == "awaiting_approval"
    wrong = api.post(f"/api/v1/jobs/{job.pk}/approve", {"digest": "f" * 64})
    assert (wrong.status_code, wrong.data["code"]) == (409, "plan_changed")
    right = api.post(f"/api/v1/jobs/{job.pk}/approve", {"digest": seen["plan_digest"]})
    assert (right.status_code, right.data["state"], right.data["approved_by"]) == (202, "running", "operator")


def test_cancel_and_retry(api, cluster, nodes, tmp_path):
    job = make_job(cluster, tmp_path)
    assert api.post(f"/api/v1/jobs/{job.pk}/cancel").data["state"] == "cancelled"
    again = api.post(f"/api/v1/jobs/{job.pk}/retry")
    assert (again.status_code, again.data["retry_of"]) == (202, job.pk)
    refused = api.post(f"/api/v1/jobs/{again.data['id']}/retry")
    assert (refused.status_code, refused.data["code"]) == (409, "not_failed")


def test_only_administrators_override(api, api_for, cluster, nodes, tmp_path):
    job = make_job(cluster, tmp_path, brake="shrunk")
    plan_job(job.pk)
    body_ = {"codes": ["shrunk"], "reason": "on purpose"}
    assert api.post(f"/api/v1/jobs/{job.pk}/override", body_).status_code == 403
    chief = api_for(make_member(cluster, Role.ADMINISTRATOR, "chief"))
    answer = chief.post(f"/api/v1/jobs/{job.pk}/override", body_)
    assert (answer.status_code, answer.data["state"]) == (202, "requested")
    assert answer.data["overrides"][0]["by"] == "chief"


def test_viewers_read_and_strangers_see_nothing(api_for, cluster, nodes, viewer, stranger, tmp_path):
    job = make_job(cluster, tmp_path)
    acts = ["cancel", "retry"]
    viewing, strange = api_for(viewer), api_for(stranger)
    assert viewing.get(f"/api/v1/jobs/{job.pk}").status_code == 200
    assert viewing.post("/api/v1/jobs", body(cluster, tmp_path)).status_code == 403
    assert {viewing.post(f"/api/v1/jobs/{job.pk}/{act}").status_code for act in acts} == {403}
    assert strange.get("/api/v1/jobs").data["results"] == []
    for path in ("", "/events", "/plan"):
        assert strange.get(f"/api/v1/jobs/{job.pk}{path}").status_code == 404
    assert {strange.post(f"/api/v1/jobs/{job.pk}/{act}").status_code for act in acts} == {404}
    assert strange.post("/api/v1/jobs", body(cluster, tmp_path)).status_code == 404
    assert Job.objects.get().state == "requested"


def test_anonymous_callers_get_nothing(client, cluster, tmp_path):
    job = make_job(cluster, tmp_path)
    for path in ("jobs", f"jobs/{job.pk}", "write-stop", "workers", "snapshots", "conflicts"):
        assert client.get(f"/api/v1/{path}").status_code == 401


def test_the_log_goes_on_where_one_left_off(api, cluster, nodes, tmp_path):
    job = make_job(cluster, tmp_path, steps=2)
    plan_job(job.pk)
    url = f"/api/v1/jobs/{job.pk}/events"
    first = api.get(url, {"limit": 2}).data
    assert [line["code"] for line in first["results"]] == ["job.requested", "job.planning"]
    assert first["more"] is True
    drive()
    rest = api.get(url, {"after": first["after"]}).data
    assert rest["results"][0]["code"] == "job.running"
    assert rest["results"][-1]["code"] == "job.succeeded"
    assert {line["node_name"] for line in rest["results"] if line["code"] == "toy.step"} == {"a", "b", "c"}
    assert api.get(url, {"after": rest["after"]}).data == {"results": [], "after": rest["after"], "more": False}
    assert api.get(url, {"after": "x"}).status_code == 400


def test_the_plan_by_nodes(api, cluster, nodes, tmp_path):
    job = make_job(cluster, tmp_path, approval=True)
    assert api.get(f"/api/v1/jobs/{job.pk}/plan").status_code == 404
    plan_job(job.pk)
    page = api.get(f"/api/v1/jobs/{job.pk}/plan", {"limit": 2, "page": 2}).data
    assert (page["count"], [node["node_name"] for node in page["nodes"]]) == (3, ["c"])
    assert page["digest"] == Job.objects.get().plan_digest
    one = api.get(f"/api/v1/jobs/{job.pk}/plan", {"node": nodes[0].pk}).data
    assert [node["node_name"] for node in one["nodes"]] == ["a"]


def test_filters(api, api_for, administrator, cluster, nodes, tmp_path):
    other = make_cluster("other")
    mine, cancelled, theirs = make_job(cluster, tmp_path), make_job(cluster, tmp_path), make_job(other, tmp_path)
    api.post(f"/api/v1/jobs/{cancelled.pk}/cancel")
    everything = api_for(administrator)

    def ids(**query) -> set[int]:
        return {job["id"] for job in everything.get("/api/v1/jobs", query).data["results"]}

    assert ids() == {mine.pk, cancelled.pk, theirs.pk}
    assert ids(cluster=cluster.pk) == {mine.pk, cancelled.pk}
    assert ids(state="cancelled") == {cancelled.pk}
    assert ids(state=["cancelled", "requested"]) == {mine.pk, cancelled.pk, theirs.pk}
    assert ids(active="true", cluster=cluster.pk) == {mine.pk}
    assert ids(kind="nonsense") == set()
    assert everything.get("/api/v1/jobs", {"state": "nonsense"}).status_code == 400


def count_queries(call) -> int:
    with CaptureQueriesContext(connection) as caught:
        assert call().status_code == 200
    return len(caught)


def test_queries_do_not_grow_with_rows(api, cluster, nodes, tmp_path):
    job = make_job(cluster, tmp_path)
    plan_job(job.pk)
    api.get("/api/v1/jobs")  # the token's first use is noted
    one = count_queries(lambda: api.get("/api/v1/jobs"))
    detail = count_queries(lambda: api.get(f"/api/v1/jobs/{job.pk}"))
    for number in range(3):
        make_node(cluster, f"n{number}")
    for _ in range(2):
        later = make_job(cluster, tmp_path)
        drive()
        plan_job(later.pk)
    assert count_queries(lambda: api.get("/api/v1/jobs")) == one == 6
    assert count_queries(lambda: api.get(f"/api/v1/jobs/{later.pk}")) == detail == 5


def test_stop_and_allow_all_writes(api_for, administrator, operator, viewer, cluster):
    chief = api_for(administrator)
    assert chief.get("/api/v1/write-stop").data["stopped"] is False
    assert chief.put("/api/v1/write-stop", {"stopped": True}).status_code == 400
    assert api_for(operator).put("/api/v1/write-stop", {"stopped": True, "reason": "x"}).status_code == 403
    answer = chief.put("/api/v1/write-stop", {"stopped": True, "reason": "storage is failing"})
    assert (answer.status_code, answer.data["by"]) == (200, "administrator")
    seen = api_for(viewer).get("/api/v1/write-stop").data
    assert (seen["stopped"], seen["reason"]) == (True, "storage is failing")
    assert chief.put("/api/v1/write-stop", {"stopped": False}).data["stopped"] is False
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {"writes.stop", "writes.allow"}


def test_snapshots_conflicts_and_unclassified(api, api_for, stranger, cluster, nodes):
    snapshot = Snapshot.objects.create(cluster=cluster, node=nodes[0], root="0" * 64, files=3, bytes=10)
    secret = Conflict.objects.create(node=nodes[1], path="App/Userlist.dat", content="1" * 64, size=5, secret=True)
    assert api.get("/api/v1/snapshots", {"cluster": cluster.pk}).data["results"][0]["files"] == 3
    assert api.get(f"/api/v1/snapshots/{snapshot.pk}").data["root"] == "0" * 64
    shown = api.get(f"/api/v1/conflicts/{secret.pk}").data
    assert (shown["path"], shown["secret"], "content" in shown) == ("App/Userlist.dat", True, False)
    assert api.get("/api/v1/conflicts", {"open": "true"}).data["count"] == 1
    assert api.post(f"/api/v1/conflicts/{secret.pk}/close").data["closed_by"] == "operator"
    assert api.get("/api/v1/conflicts", {"open": "true"}).data["count"] == 0
    found = api.get(f"/api/v1/clusters/{cluster.pk}/unclassified").data
    assert found == {"snapshot": snapshot.pk, "unclassified": [], "problems": []}
    strange = api_for(stranger)
    for path in (f"snapshots/{snapshot.pk}", f"conflicts/{secret.pk}", f"clusters/{cluster.pk}/unclassified"):
        assert strange.get(f"/api/v1/{path}").status_code == 404


def test_workers_at_work(api_for, administrator, operator, cluster, nodes, tmp_path):
    job = make_job(cluster, tmp_path)
    plan_job(job.pk)
    claim_targets(job, 2, owner="host:1", resources=())
    note_worker("host:2", "remote")
    note_worker("host:3", "default")
    Worker.objects.filter(name="host:3").update(seen_at=timezone.now() - timedelta(minutes=2))
    seen = api_for(administrator).get("/api/v1/workers").data
    assert [(one["name"], one["driving"], one["planning"], one["queues"]) for one in seen] == [
        ("host:1", 2, 0, ""),
        ("host:2", 0, 0, "remote"),
    ]
    assert [one["seen_at"] is None for one in seen] == [True, False]
    note_worker_gone("host:2")
    assert [one["name"] for one in api_for(administrator).get("/api/v1/workers").data] == ["host:1"]
    assert api_for(operator).get("/api/v1/workers").status_code == 403
