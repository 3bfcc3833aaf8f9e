"""Joining and leaving, with what replication remembers of a node."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.http import Http404

from accounts.errors import Refused
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require
from nodes.leases.transactions import write_transaction
from nodes.lifecycle.services import joining
from nodes.registry.models import Node
from replication.clustering.services.features import switch_off_where_needed
from replication.configuration.services.history import forget_node_history
from replication.jobs.core.states import JOB_ACTIVE
from replication.jobs.models import Job
from replication.jobs.services.requests import JobRequest, request_job

LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class LeaveRequest:
    """A secondary to be taken out. `keep`: it keeps the replicated configuration. `dry_run`: only say what would be
    done; then the name need not be typed."""

    node_id: int
    confirm_name: str = ""
    keep: bool = False
    dry_run: bool = False
    reason: str = ""
    idempotency_key: str = ""


def join(principal: Principal, *, node_id: int, confirm_name: str, accept: Collection[str] = ()) -> Node:
    """Confirm, by its name, that a server's configuration may be overwritten. What it holds then counts as what it held
    before joining; what does not go with clustering is switched off on the primary where it is on. `accept`: codes of
    failing checks that the caller accepts. Raises ValidationError, Refused (also for a check that fails), Http404,
    PermissionDenied."""
    with write_transaction():
        busy = _leaving_job(node_id)
        if busy is not None:
            text = f"Job #{busy.pk} takes the server out of the cluster now."
            raise Refused("leaving", text, "Cancel it first, or wait for its end.")
        node, anew = joining.confirm_joining(principal, node_id=node_id, confirm_name=confirm_name, accept=accept)
        if anew:
            forget_node_history(node.pk)
            switch_off_where_needed(principal, node.cluster)
    return node


def leave(principal: Principal, request: LeaveRequest) -> tuple[Job, bool]:
    """Take a server out of its cluster by a job that gives it back what it had. Answers the job and whether it is new.
    Needs the cluster's administrator. Raises ValidationError, Refused, Http404, PermissionDenied."""
    with write_transaction():
        node = Node.objects.select_related("cluster").filter(pk=request.node_id).first()
        if node is None:
            raise Http404("No such node.")
        require(principal, node.cluster_id, Role.ADMINISTRATOR)
        busy = None if request.dry_run else _leaving_job(node.pk)
        if busy is not None:
            return busy, False
        if request.dry_run:
            joining.check_may_leave(node, keep=request.keep)
        else:
            joining.confirm_leaving(principal, node_id=node.pk, confirm_name=request.confirm_name, keep=request.keep)
        return request_job(principal, _job_request(node, request))


def _job_request(node: Node, request: LeaveRequest) -> JobRequest:
    return JobRequest(
        cluster_id=node.cluster_id,
        kind=LEAVE,
        options={"keep": request.keep},
        dry_run=request.dry_run,
        reason=request.reason,
        node_ids=(node.pk,),
        idempotency_key=request.idempotency_key,
    )


def _leaving_job(node_id: int) -> Job | None:
    """The job that takes the node out now."""
    active = Job.objects.filter(kind=LEAVE, dry_run=False, state__in=JOB_ACTIVE).order_by("-pk")
    return next((job for job in active if node_id in job.node_ids), None)
