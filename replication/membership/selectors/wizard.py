"""How far a secondary is on its way into the cluster: read from the rows, so that anybody can go on where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import QuerySet

from nodes.enums import OUTSIDE, SERVERS, HostKeyState, Joining, ReplicationMode
from nodes.facts.models import NodeFacts
from nodes.lifecycle.core import JoinCheck
from nodes.lifecycle.selectors import checks_of
from nodes.registry.models import HostKey, Node
from nodes.registry.selectors import primary_of, wants_password
from replication.configuration.core.configuration import REPLICATE
from replication.jobs.core.states import JOB_ACTIVE, JobState
from replication.jobs.models import Job
from replication.jobs.selectors.jobs import with_standing


class WizardStep(StrEnum):
    """The steps of joining, in their order."""

    SERVER = "server"
    HOST_KEY = "host-key"
    CREDENTIAL = "credential"
    CHECKS = "checks"
    DIFFERENCES = "differences"
    CONFIRM = "confirm"
    PLAN = "plan"


LABELS = {
    WizardStep.SERVER: "Server",
    WizardStep.HOST_KEY: "Host key",
    WizardStep.CREDENTIAL: "Credential",
    WizardStep.CHECKS: "Facts and checks",
    WizardStep.DIFFERENCES: "What differs",
    WizardStep.CONFIRM: "Confirm",
    WizardStep.PLAN: "Plan and proof",
}


NATIVE_STEPS = (WizardStep.SERVER, WizardStep.HOST_KEY, WizardStep.CREDENTIAL, WizardStep.CHECKS, WizardStep.CONFIRM)
"""Where MDaemon's own cluster service replicates there is no plan of the portal's to look at, approve or prove."""


@dataclass(frozen=True, slots=True)
class WizardStepState:
    """One step. `state`: done, current (the first that is not done) or todo."""

    step: WizardStep
    label: str
    state: str


@dataclass(frozen=True, slots=True)
class WizardState:
    """Where a node stands. `comparison`: the last plan made only to look at the server that it is now; `compared`: it
    came to its end and saw the node; `first`: the last real replication since the joining was confirmed, once it has
    joined the one that proved it."""

    steps: tuple[WizardStepState, ...]
    approved: HostKey | None
    shown: tuple[HostKey, ...]
    facts: NodeFacts | None
    checks: tuple[JoinCheck, ...]
    comparison: Job | None
    compared: bool
    first: Job | None

    @property
    def current(self) -> WizardStep:
        """The first step that is not done; the last one when all are."""
        return next((one.step for one in self.steps if one.state == "current"), self.steps[-1].step)

    @property
    def is_done(self) -> bool:
        """Whether the node has joined."""
        return all(one.state == "done" for one in self.steps)


def progress_of(node: Node) -> WizardState:
    """Everything the wizard shows of one of `nodes_for`, in a fixed number of queries."""
    keys = list(HostKey.objects.filter(node=node).exclude(state=HostKeyState.REVOKED))
    approved = next((key for key in keys if key.state == HostKeyState.APPROVED), None)
    comparison = _newest(node, _replications(node).filter(dry_run=True, created_at__gte=_settled(node)))
    compared = comparison is not None and _saw(comparison, node)
    return WizardState(
        steps=_steps(node, approved, compared=compared),
        approved=approved,
        shown=tuple(key for key in keys if key.state == HostKeyState.SEEN),
        facts=_facts(node),
        checks=checks_of(node),
        comparison=comparison,
        compared=compared,
        first=_newest(node, _first(node)) if node.joining in SERVERS else None,
    )


def _facts(node: Node) -> NodeFacts | None:
    facts: NodeFacts | None = getattr(node, "facts", None)
    return facts


def _replications(node: Node) -> QuerySet[Job]:
    return with_standing(Job.objects.filter(cluster=node.cluster_id, kind=REPLICATE)).order_by("-pk")


def _newest(node: Node, jobs: QuerySet[Job]) -> Job | None:
    """The newest that concerns the node, of the newest fifty."""
    return next((job for job in jobs[:50] if not job.node_ids or node.pk in job.node_ids), None)


def _settled(node: Node) -> datetime:
    """Since when the node and its primary are the servers that they are: what was compared before says nothing."""
    primary = primary_of(node.cluster)
    servers = [node, primary] if primary is not None else [node]
    return max(moment for one in servers for moment in (one.created_at, one.joining_since) if moment is not None)


def _saw(comparison: Job, node: Node) -> bool:
    return comparison.state == JobState.SUCCEEDED and node.name not in comparison.plan_summary.get("away", ())


def _first(node: Node) -> QuerySet[Job]:
    """Real replications asked for after the joining was confirmed, up to the one that proved it."""
    real = _replications(node).filter(dry_run=False)
    if node.joining_since is None:
        return real
    if node.joining == Joining.JOINED:
        return real.filter(created_at__lte=node.joining_since)
    return real.filter(created_at__gte=node.joining_since)


def _steps(node: Node, approved: HostKey | None, *, compared: bool) -> tuple[WizardStepState, ...]:
    taken_in = node.joining in SERVERS
    done = {
        WizardStep.SERVER: True,
        WizardStep.HOST_KEY: approved is not None and not node.quarantined_reason,
        WizardStep.CREDENTIAL: node.credential_id is not None and not wants_password(node),
        WizardStep.CHECKS: _facts(node) is not None,
        WizardStep.DIFFERENCES: compared or taken_in,
        WizardStep.CONFIRM: taken_in,
        WizardStep.PLAN: node.joining == Joining.JOINED,
    }
    steps = NATIVE_STEPS if node.cluster.replication_mode == ReplicationMode.NATIVE else tuple(WizardStep)
    current = next((step for step in steps if not done[step]), None)
    states = {step: "done" if done[step] else "current" if step == current else "todo" for step in steps}
    return tuple(WizardStepState(step, LABELS[step], states[step]) for step in steps)


def candidates(nodes: Sequence[Node]) -> list[Node]:
    """Secondaries that are on their way in, or could set out."""
    return [node for node in nodes if node.joining in OUTSIDE | {Joining.JOINING}]


def active(job: Job | None) -> bool:
    """Whether a job is still under way."""
    return job is not None and JobState(job.state) in JOB_ACTIVE
