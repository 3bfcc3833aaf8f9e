"""The kind `leave`: one secondary goes out of its cluster, with what it had before or with what it has now."""

from __future__ import annotations

from accounts.errors import Refused
from nodes.connection.connect import open_node
from nodes.enums import SERVERS, ApprovalPolicy, Joining
from nodes.errors import NodeError
from nodes.facts.selectors.facts import profile_of
from nodes.products.profile import Profile
from nodes.registry.models import Node
from replication.configuration.job.looking import node_jobs
from replication.files.core.changes import NodeFiles
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.states import TargetState
from replication.jobs.models import Job
from replication.jobs.runner import (
    PlanOutcome,
    PlanWork,
    TargetOutcome,
    TargetWork,
)
from replication.membership.leave_job.comparison import Remembered, look_back, remembered
from replication.membership.leave_job.target import LeaveRun, left
from replication.objects import default_store


class LeaveRunner:
    """Take a secondary out of its cluster."""

    def plan(self, work: PlanWork) -> PlanOutcome:
        """Say what the node would get back and what would go; change nothing."""
        node = _node_of(work.job)
        if work.job.options.get("keep"):
            return _outcome(work.job, Plan((NodePlan(node.pk, node.name),)))
        past = remembered(node, default_store())
        part = _planned(work, node, profile_of(work.job.cluster), past)
        return _outcome(work.job, Plan((part,)))

    def run_target(self, work: TargetWork) -> TargetOutcome:
        """Give back and prove; or, to keep, only write that the node is out."""
        node = work.node
        if node.joining != Joining.LEAVING:
            raise Refused("not_leaving", f"{node.name} is not leaving any more; nothing was changed.")
        if work.job.options.get("keep"):
            return TargetOutcome(TargetState.VERIFIED, evidence={"kept": True}, record=lambda: left(node.pk))
        past = remembered(node, default_store())
        (job,) = node_jobs([node], work.job.pk)
        return LeaveRun(work, profile_of(work.job.cluster), default_store(), job, past).run()


def _node_of(job: Job) -> Node:
    """The one node of the job. Raises Refused where it may not be planned for."""
    rows = Node.objects.select_related("credential", "facts", "cluster").filter(
        cluster=job.cluster, pk__in=job.node_ids
    )
    nodes = list(rows)
    if len(nodes) != 1:
        raise Refused("one_node", "Name exactly one node that shall leave.")
    node = nodes[0]
    if job.dry_run and node.joining in SERVERS:
        return node
    if node.joining != Joining.LEAVING:
        text = f"Nobody confirmed that {node.name} leaves: its name must be typed (nodes/{node.pk}/leave)."
        raise Refused("not_confirmed", text)
    return node


def _planned(work: PlanWork, node: Node, profile: Profile, past: Remembered) -> NodePlan:
    try:
        with open_node(node) as link:
            seen = look_back(link, node, profile, past, past.past.baseline, work.lease).seen
    except NodeError as error:
        return NodePlan(node.pk, node.name, away=str(error), away_code=error.code)
    detail = NodeFiles(extras=seen.extras)
    return NodePlan(node.pk, node.name, seen.changes, detail, seen.problems)


def _outcome(job: Job, plan: Plan) -> PlanOutcome:
    """The typed name counts as approval, unless the cluster wants every plan approved."""
    asks = job.cluster.approval == ApprovalPolicy.ALWAYS
    return PlanOutcome(plan=plan, targets=tuple(part.node_id for part in plan.nodes), needs_approval=asks)
