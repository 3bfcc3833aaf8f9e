"""How far a secondary is on its way into the cluster: read from the rows, so that anybody can go on where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from nodes.enums import OUTSIDE, SERVERS, HostKeyState, Joining, ReplicationMode
from nodes.facts.models import NodeFacts
from nodes.lifecycle.core import JoinCheck
from nodes.lifecycle.selectors import checks_of
from nodes.registry.models import HostKey, Node
from replication.configuration.core.configuration import REPLICATE
from replication.jobs.core.states import JOB_ACTIVE, JobState
from replication.jobs.models import Job


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
    """Where a node stands. `comparison`: the last plan made only to look; `first`: the last real replication since the
    joining was confirmed, once it has joined the one that proved it."""

    steps: tuple[WizardStepState, ...]
    approved: HostKey | None
    shown: tuple[HostKey, ...]
    facts: NodeFacts | None
    checks: tuple[JoinCheck, ...]
    comparison: Job | None
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
    """Everything the wizard shows of a node, in a fixed number of queries."""
    keys = list(HostKey.objects.filter(node=node).exclude(state=HostKeyState.REVOKED))
    approved = next((key for key in keys if key.state == HostKeyState.APPROVED), None)
    jobs = _jobs(node)
    comparison = next((job for job in jobs if job.dry_run), None)
    real = (job for job in jobs if not job.dry_run and node.joining in SERVERS)
    return WizardState(
        steps=_steps(node, approved, comparison),
        approved=approved,
        shown=tuple(key for key in keys if key.state == HostKeyState.SEEN),
        facts=_facts(node),
        checks=checks_of(node),
        comparison=comparison,
        first=next((job for job in real if _belongs(job, node)), None),
    )


def _facts(node: Node) -> NodeFacts | None:
    facts: NodeFacts | None = getattr(node, "facts", None)
    return facts


def _belongs(job: Job, node: Node) -> bool:
    """Whether a job was asked for after the joining was confirmed, up to the one that proved it."""
    if node.joining_since is None:
        return True
    if node.joining == Joining.JOINED:
        return job.created_at <= node.joining_since
    return job.created_at >= node.joining_since


def _jobs(node: Node) -> list[Job]:
    """The cluster's newest replications that concern the node."""
    rows = Job.objects.filter(cluster=node.cluster_id, kind=REPLICATE).order_by("-pk")[:50]
    return [job for job in rows if not job.node_ids or node.pk in job.node_ids]


def _steps(node: Node, approved: HostKey | None, comparison: Job | None) -> tuple[WizardStepState, ...]:
    taken_in = node.joining in SERVERS
    compared = comparison is not None and comparison.state == JobState.SUCCEEDED
    done = {
        WizardStep.SERVER: True,
        WizardStep.HOST_KEY: approved is not None and not node.quarantined_reason,
        WizardStep.CREDENTIAL: node.credential_id is not None,
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
