"""What an administrator chose for a leaving server stays: who may only cancel cannot choose anew by asking again."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied

from nodes.enums import NodeRole
from replication.jobs.core.states import JobState
from replication.jobs.models import Job
from replication.jobs.services.requests import JobRequest, approve_job, cancel_job, request_job, retry_job
from replication.membership.services.membership import LeaveRequest, leave
from tests.factories import make_node

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def leaving(cluster, administrator, principal_for):
    """Two jobs of a secondary that leaves: one to keep, cancelled; and the administrator's choice now, to give back."""
    make_node(cluster, "mx0", role=NodeRole.PRIMARY)
    node, chief = make_node(cluster, "mx1"), principal_for(administrator)
    to_keep, _ = leave(chief, LeaveRequest(node.pk, confirm_name="mx1", keep=True))
    cancel_job(chief, to_keep.pk)
    to_give_back, _ = leave(chief, LeaveRequest(node.pk, confirm_name="mx1"))
    return to_keep, to_give_back


def _asked_again(job: Job) -> JobRequest:
    return JobRequest(job.cluster_id, job.kind, options={"keep": True}, node_ids=tuple(job.node_ids))


def test_who_may_cancel_a_leave_may_not_ask_for_another_one(leaving, operator, administrator, principal_for) -> None:
    to_give_back, hand = leaving[1], principal_for(operator)
    assert cancel_job(hand, to_give_back.pk).state == JobState.CANCELLED
    with pytest.raises(PermissionDenied, match="needs the role Administrator on the cluster; yours is Operator"):
        request_job(hand, _asked_again(to_give_back))
    for old in leaving:
        with pytest.raises(PermissionDenied, match="Administrator"):
            retry_job(hand, old.pk)
    assert Job.objects.count() == 2
    again = retry_job(principal_for(administrator), to_give_back.pk)
    assert again.options == {"keep": False}


def test_nor_approve_one(leaving, operator, principal_for) -> None:
    job = leaving[1]
    Job.objects.filter(pk=job.pk).update(state=JobState.AWAITING_APPROVAL, plan_digest="d")
    with pytest.raises(PermissionDenied, match="Administrator"):
        approve_job(principal_for(operator), job.pk, "d")


def test_the_same_over_rest(leaving, operator, api_for) -> None:
    to_keep, to_give_back = leaving
    hand = api_for(operator)
    assert hand.post(f"{API}/jobs/{to_give_back.pk}/cancel/", {}, format="json").status_code == 202
    body = {"kind": "leave", "cluster": to_keep.cluster_id, "nodes": to_keep.node_ids, "options": {"keep": True}}
    refused = hand.post(f"{API}/jobs/", body, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "Administrator" in refused.json()["detail"]
    assert hand.post(f"{API}/jobs/{to_keep.pk}/retry/", {}, format="json").status_code == 403
    assert Job.objects.count() == 2


def test_the_console_offers_neither_and_refuses_both(leaving, operator, administrator, console_for) -> None:
    to_keep, to_give_back = leaving
    hand, chief = console_for(operator), console_for(administrator)
    assert "Retry what failed" not in hand.get(f"/jobs/{to_keep.pk}/").content.decode()
    assert "Retry what failed" in chief.get(f"/jobs/{to_keep.pk}/").content.decode()
    assert f"/jobs/{to_give_back.pk}/cancel/" in hand.get(f"/jobs/{to_give_back.pk}/").content.decode()
    assert hand.post(f"/jobs/{to_keep.pk}/retry/").status_code == 403
    form = {"kind": "leave", "way": "real", "nodes": to_keep.node_ids}
    assert hand.post(f"/clusters/{to_keep.cluster_id}/jobs/new/", form).status_code in (200, 403)
    assert Job.objects.count() == 2
