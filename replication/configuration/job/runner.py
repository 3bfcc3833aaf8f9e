"""The kind `replicate`: take the primary's snapshot, plan every secondary, bring each there, prove it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from accounts.errors import Refused
from nodes.checks.core.identity import says_otherwise
from nodes.checks.selectors.readings import node_reading
from nodes.clusters.models import Cluster
from nodes.enums import OUTSIDE, REPLICATED, ApprovalPolicy, NodeRole
from nodes.errors import AuthRejected, HostKeyMismatch, PasswordUnbound, RemoteFileMissing, Unreachable
from nodes.facts.selectors.facts import profile_of
from nodes.ini_keys.services import note_kept_keys, note_values
from nodes.platforms import platform_named
from nodes.products.profile import Profile
from nodes.registry.models import Node
from nodes.registry.services.comparison import note_behind, note_edited
from replication.configuration.core.brakes import (
    BrakeInputs,
    BrakeReading,
    BrokenIni,
    Limits,
    TreeChanges,
    brakes,
    tree_changes,
)
from replication.configuration.core.configuration import is_deep
from replication.configuration.core.hashed import HASHED, hashed_anew, hashed_sentence
from replication.configuration.core.held import differing
from replication.configuration.job.loading import (
    SharedGuard,
    held_in,
    last_given,
    latest_snapshot,
)
from replication.configuration.job.looking import NodeJob, node_jobs
from replication.configuration.job.planning import NodeResult, plan_nodes
from replication.configuration.job.snapshot import Taken, take_snapshot
from replication.configuration.job.source import SOURCES
from replication.configuration.job.target import NodeRun
from replication.configuration.models import Baseline
from replication.configuration.services.history import record_snapshot
from replication.configuration.services.modes import check_portal_may_replicate
from replication.files.core.changes import KeptKey, PrimaryFiles, bytes_of
from replication.files.scan import ScanOptions
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.states import TargetState
from replication.jobs.models import Job
from replication.jobs.runner import (
    PlanOutcome,
    PlanWork,
    TargetOutcome,
    TargetWork,
)
from replication.jobs.services import signals_log
from replication.objects import StoreError, default_store

PRIMARY_AWAY_RETRY_SECONDS = 30.0

REFUSALS = frozenset({AuthRejected.code, HostKeyMismatch.code, PasswordUnbound.code})
"""Errors of a node that does not want the portal, or that the portal does not trust: a person must act first."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The nodes of one job: the primary and the secondaries asked for."""

    cluster: Cluster
    primary: Node
    secondaries: tuple[Node, ...]


class ReplicateRunner:
    """Replicate configuration from the primary to the secondaries."""

    def plan(self, work: PlanWork) -> PlanOutcome:
        """Look at the primary and at every secondary; change nothing."""
        scope = _scope(work.job)
        profile = profile_of(scope.cluster)
        store = default_store()
        try:
            options = ScanOptions(work.job.options.get("unstable"), deep=is_deep(work.job.options))
            taken = take_snapshot(scope.primary, profile, store, work.lease, options=options)
        except Unreachable as error:
            return PlanOutcome(
                error_code="primary_away", error=f"The primary: {error}", retry_after=PRIMARY_AWAY_RETRY_SECONDS
            )
        except RemoteFileMissing:
            return _gone(scope)
        work.lease.boundary("snapshot-taken")
        if taken.unstable:
            text = f"Left as they were last known, because they keep changing: {', '.join(taken.unstable[:10])}"
            work.lease.event("info", "files.unstable", text, {"count": len(taken.unstable)})
        jobs, guard = node_jobs(scope.secondaries), SharedGuard(work.lease)
        planned = plan_nodes(jobs, taken.source, store, guard, job_id=work.job.pk, deep=options.deep)
        work.lease.boundary("nodes-planned")
        check_portal_may_replicate(scope.cluster, dry_run=work.job.dry_run)  # their logs were read anew
        return _outcome(work, scope, taken, planned, profile)

    def run_target(self, work: TargetWork) -> TargetOutcome:
        """Bring one secondary to the snapshot and prove it."""
        _check_node(work)
        try:
            ground = work.shared(_ground)
        except Refused as refused:
            # it ran, or waited, while a node's own cluster service was switched on: nothing more is written
            return TargetOutcome(TargetState.HALTED, error_code=refused.code, error=refused.detail)
        return NodeRun(work, ground.profile, default_store(), ground.jobs[work.node.pk]).run()


@dataclass(frozen=True, slots=True)
class _Ground:
    """What all targets of a job go by that were claimed together; `jobs` by node."""

    profile: Profile
    jobs: Mapping[int, NodeJob]


def _ground(job: Job, nodes: Sequence[Node]) -> _Ground:
    """Raises Refused where the portal must not replicate."""
    check_portal_may_replicate(job.cluster)
    return _Ground(profile_of(job.cluster), {one.node.pk: one for one in node_jobs(nodes, job.pk)})


def _check_node(work: TargetWork) -> None:
    """Raise Refused for a node that refused the portal while the plan was made: it is not asked again at once, the next
    refusal could lock the account. Once a person approved the plan it is."""
    planned = work.node_plan
    if work.node.joining not in REPLICATED:
        raise Refused(
            "not_joined", f"{work.node.name} is leaving the cluster, or has left it; nothing is written there."
        )
    if planned.away_code in REFUSALS and not work.job.approved_by:
        raise Refused(planned.away_code, planned.away)


def _scope(job: Job) -> Scope:
    """Raises Refused where there is nothing to replicate from or to, or it must not be."""
    cluster = job.cluster
    check_portal_may_replicate(cluster, dry_run=job.dry_run)
    rows = cluster.nodes.select_related("credential", "facts", "cluster").prefetch_related("attestations")
    nodes = list(rows)
    primary = next((node for node in nodes if node.role == NodeRole.PRIMARY), None)
    if primary is None:
        raise Refused("no_primary", "The cluster has no primary.", "Give one node the role primary.")
    asked = set(job.node_ids)
    secondaries = tuple(node for node in nodes if node is not primary and (not asked or node.pk in asked))
    strange = [node.name for node in secondaries if not _may_be_asked(node, job)]
    if asked and strange:
        text = f"Not joined: {', '.join(strange)}. Nothing is written to a server before somebody confirms its joining."
        raise Refused("not_joined", text)
    secondaries = tuple(node for node in secondaries if node.name not in strange)
    if not secondaries:
        text = "There is no secondary to replicate to."
        raise Refused("no_secondary", text, "Register one and confirm that it joins.")
    return Scope(cluster, primary, secondaries)


def _may_be_asked(node: Node, job: Job) -> bool:
    """Whether the job may concern a secondary: a plan may be made for one that is about to join, nothing more."""
    return node.joining in REPLICATED or (job.dry_run and node.joining in OUTSIDE)


def _gone(scope: Scope) -> PlanOutcome:
    """A primary without its installation folder halts everything."""
    reading = BrakeReading(scope.primary.name)
    given = last_given(scope.cluster.pk) or latest_snapshot(scope.cluster.pk)
    held = brakes(BrakeInputs(primary=reading, files=0, given_files=given.files if given else None))
    return PlanOutcome(plan=Plan(nodes=(), brakes=held))


def _outcome(
    work: PlanWork, scope: Scope, taken: Taken, planned: Sequence[NodeResult], profile: Profile
) -> PlanOutcome:
    snapshot_id = record_snapshot(taken.facts, same_as=taken.same_as)
    work.lease.boundary("snapshot-recorded")
    behind = _behind(scope.cluster.pk, taken)
    plan = Plan(
        nodes=tuple(part.plan for part in planned),
        brakes=brakes(_brake_inputs(scope, taken, planned, profile)),
        problems=taken.manifest.problems,
        detail=PrimaryFiles(taken.facts.root, taken.manifest.unclassified),
    )
    return PlanOutcome(
        plan=plan,
        snapshot_id=snapshot_id,
        targets=tuple(part.node_id for part in plan.nodes),
        needs_approval=_needs_approval(scope, plan),
        summary=_summary(plan, taken) | _hashed(work, scope, taken, planned),
        record=lambda: _note_planned(work.job, taken, planned, behind),
    )


def _brake_inputs(scope: Scope, taken: Taken, planned: Sequence[NodeResult], profile: Profile) -> BrakeInputs:
    by_id = {part.plan.node_id: part for part in planned}
    return BrakeInputs(
        primary=_reading(scope.primary, None),
        secondaries=tuple(_reading(node, by_id[node.pk]) for node in scope.secondaries),
        files=len(taken.manifest.files),
        given_files=len(taken.given.files) if taken.given else None,
        given_lost=taken.given_lost,
        changes=_changes(scope.primary, taken),
        broken_inis=tuple(BrokenIni(one.path, one.detail) for one in taken.broken_ini),
        limits=_limits(profile),
    )


def _changes(primary: Node, taken: Taken) -> TreeChanges:
    if taken.given is None:
        return TreeChanges()
    return tree_changes(taken.given, taken.manifest, folds_case=platform_named(primary.platform).folds_case)


def _limits(profile: Profile) -> Limits:
    return Limits(
        shrink_share=profile.shrink_share,
        change_share=profile.change_share,
        least_files=profile.least_files,
        clock_seconds=profile.clock_limit_seconds,
    )


def _reading(node: Node, planned: NodeResult | None) -> BrakeReading:
    facts = getattr(node, "facts", None)
    offset = facts.clock_offset_ms if facts else None
    return BrakeReading(
        name=node.name,
        role_evidence=says_otherwise(node_reading(node)),
        version=facts.product_version if facts else "",
        clock_offset=offset / 1000 if offset is not None else None,
        clock_uncertainty=(facts.clock_uncertainty_ms or 0.0) / 1000 if facts else 0.0,
        needed_bytes=bytes_of(planned.plan.steps) if planned else 0,
        free_bytes=planned.free if planned else None,
    )


def _needs_approval(scope: Scope, plan: Plan) -> bool:
    """By the cluster's policy; a node that was never proven is on its first plan, known or away."""
    policy = scope.cluster.approval
    changing = [node for node in plan.nodes if node.steps or node.away]
    if policy == ApprovalPolicy.NEVER or not changing:
        return False
    if policy == ApprovalPolicy.ALWAYS:
        return True
    ids = [node.node_id for node in changing]
    proven = set(Baseline.objects.filter(node__in=ids).values_list("node_id", flat=True))
    return any(node_id not in proven for node_id in ids)


def _summary(plan: Plan, taken: Taken) -> dict[str, Any]:
    return {
        "files": taken.facts.files,
        "bytes": taken.facts.bytes,
        "send_bytes": sum(bytes_of(node.steps) for node in plan.nodes),
        "away": [node.node_name for node in plan.nodes if node.away],
        "unstable": list(taken.unstable[:50]),
        "kept_keys": sum(len(_kept(node)) for node in plan.nodes),
    }


def _hashed(work: PlanWork, scope: Scope, taken: Taken, planned: Sequence[NodeResult]) -> dict[str, Any]:
    """What was found by hashing every file of the primary, and of all secondaries that could be asked; said in the
    log, too."""
    if not is_deep(work.job.options):
        return {}
    asked = [part for part in planned if not part.plan.away]
    hidden = [(scope.primary.name, path) for path in taken.hidden]
    hidden += [(part.plan.node_name, path) for part in asked for path in part.hidden]
    summary = {HASHED: hashed_anew(taken.read + sum(part.read for part in asked), 1 + len(asked), hidden)}
    work.lease.event("warning" if hidden else "info", "files.hashed", hashed_sentence(summary), summary[HASHED])
    return summary


def _kept(part: NodePlan) -> tuple[KeptKey, ...]:
    return part.detail.kept if part.detail else ()


def _behind(cluster_id: int, taken: Taken) -> dict[int, int]:
    """By secondary, whether it is of the job or not, how many files of this snapshot are not proven on it."""
    store, lacks = default_store(), {taken.facts.root: 0}
    held = held_in(cluster_id)
    for root in set(held.values()) - {taken.facts.root}:
        with suppress(StoreError, OSError, ValueError):  # of a damaged tree nothing is said
            held_files = SOURCES.at(root, taken.source.profile, store).manifest.files
            lacks[root] = len(differing(taken.manifest.files, held_files))
    return {node_id: lacks[root] for node_id, root in held.items() if root in lacks}


def _note_planned(job: Job, taken: Taken, planned: Sequence[NodeResult], behind: Mapping[int, int]) -> None:
    """What planning leaves behind besides the plan."""
    _note_keys(planned)
    note_behind(behind)
    seen = [part.plan for part in planned if part.plan.node_id in behind and not part.plan.away]
    note_edited({plan.node_id: sum(step.conflict for step in plan.steps) for plan in seen})
    if taken.same_as is None:
        signals_log.rebuilt(cluster_id=job.cluster_id, job_id=job.pk)


def _note_keys(planned: Sequence[NodeResult]) -> None:
    """Put the keys that differ before the operator; until answered they are kept."""
    for part in planned:
        unanswered = [(key.path, key.section, key.key) for key in _kept(part.plan) if not key.answered]
        if unanswered:
            note_kept_keys(part.plan.node_id, unanswered)
        if part.differing:
            note_values(part.plan.node_id, part.differing.items())
