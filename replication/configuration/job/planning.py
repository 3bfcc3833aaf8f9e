"""Plan a replication: the primary's snapshot against every secondary, all at once, changing nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Semaphore

from django.conf import settings
from django.db import connections

from nodes.connection.connect import NodeLink, open_node
from nodes.errors import NodeError
from nodes.facts.observe import freshen
from nodes.platforms import platform_named
from nodes.products.ini_render import DifferingKey
from nodes.products.profile import Profile
from nodes.registry.models import Node
from replication.configuration.job.desired import (
    CONTENT_LOST,
    Decisions,
    Desired,
    Rendering,
    desired_files,
    gives,
)
from replication.configuration.job.earlier import Tree, earlier_trees, edited_since, without_given
from replication.configuration.job.loading import (
    baseline_left,
    decisions_of,
    kept_origin,
    node_clock_ns,
    origin_folders,
)
from replication.files.core.changes import Change, ChangeKind, NodeFiles
from replication.files.core.compare import Handling, compare
from replication.files.core.manifest import Manifest, Problem
from replication.files.core.paths import RelPath, not_ours
from replication.files.core.spelling import Spelling
from replication.files.core.tree import build
from replication.files.scan import Scan, scan_node
from replication.files.work_context import WorkContext
from replication.jobs.core.plan import NodePlan
from replication.objects import Store


@dataclass(frozen=True, slots=True)
class NodeJob:
    """One secondary and what is known of it before it is asked. `baseline` None: nothing was ever proven there.
    `own_folders`: those it had before the portal first wrote to it; None: not known. `earlier`: what it may have been
    given before. `origin`: what a node that was never proven held at first; None: not known, or proven since."""

    node: Node
    baseline: Manifest | None
    decisions: Decisions
    own_folders: frozenset[str] | None = None
    earlier: tuple[Tree, ...] = ()
    origin: Manifest | None = None


@dataclass(frozen=True, slots=True)
class NodeScan:
    """What a secondary holds, what it should hold, and the difference."""

    scan: Scan
    desired: Desired
    changes: tuple[Change, ...]
    extras: tuple[RelPath, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class NodeResult:
    """A node's plan, the free bytes of its volume (None: unknown), the tree it held (for its origin), and, before its
    first proof, the ini keys that differ by their file."""

    plan: NodePlan
    free: int | None
    actual: Manifest | None
    differing: Mapping[RelPath, tuple[DifferingKey, ...]] = field(default_factory=dict)


def node_job(node: Node, store: Store, guard: WorkContext) -> NodeJob:
    """What the database and the store know of a secondary."""
    baseline = baseline_left(node, store, guard)
    return NodeJob(
        node,
        baseline,
        decisions_of(node.pk),
        origin_folders(node.pk, store),
        earlier_trees(node),
        kept_origin(node.pk, store) if baseline is None else None,
    )


def spelled(job: NodeJob, snapshot: Manifest) -> NodeJob:
    """The same, with every file under the primary's name if the node's system does not tell case apart."""
    spelling = _spelling(job.node, snapshot)
    if spelling is None:
        return job
    baseline, origin = (known and spelling.manifest(known) for known in (job.baseline, job.origin))
    return replace(job, baseline=baseline, origin=origin, decisions=job.decisions.renamed(spelling.of))


def _spelling(node: Node, snapshot: Manifest) -> Spelling | None:
    return Spelling(snapshot.files) if platform_named(node.platform).folds_case else None


def look(
    link: NodeLink, job: NodeJob, profile: Profile, snapshot: Manifest, store: Store, guard: WorkContext
) -> NodeScan:
    """Scan a node and compare it with what it should hold."""
    job = spelled(job, snapshot)
    scan = scan_node(
        link,
        profile,
        known=job.baseline or Manifest(),
        scan_ns=node_clock_ns(job.node),
        guard=guard,
        spelling=_spelling(job.node, snapshot),
    )
    rendering = Rendering(link, profile, store, snapshot, scan.manifest, job.baseline, job.decisions)
    desired = desired_files(rendering)
    delta = compare(
        wanted=desired.files,
        baseline=job.baseline,
        actual=scan.manifest,
        ruling=handling_by(profile),
        folds_case=link.platform.folds_case,
        folders=not_ours(scan.folders, job.own_folders, folds_case=link.platform.folds_case),
        unknown=snapshot.unlisted,
    )
    blocked = name_problems(link, snapshot)
    problems = scan.manifest.problems + desired.problems + delta.problems + blocked + _lost(delta.changes, store)
    changes = _possible(delta.changes, problems)
    if job.baseline is None and job.origin is not None:
        changes = edited_since(changes, job.origin)
    changes = without_given(changes, job.earlier, store, partial(gives, rendering, desired.kept), guard)
    return NodeScan(scan, desired, changes, delta.extras, problems)


TRUSTED_SECONDS = 10.0
"""All nodes of a job need the same contents: found in the store for one, they are there for the next."""


def _lost(changes: Sequence[Change], store: Store) -> tuple[Problem, ...]:
    """What cannot be sent, because its content was lost since the primary was read, or could not be read there."""
    sent = [change for change in changes if change.wanted and change.kind is not ChangeKind.TOUCH]
    wanted = (change.wanted.sha256 for change in sent if change.wanted)
    lacking = store.lacks(wanted, trusted_seconds=TRUSTED_SECONDS)
    return tuple(Problem(one.path, *CONTENT_LOST) for one in sent if one.wanted and one.wanted.sha256 in lacking)


def _possible(changes: Sequence[Change], problems: Sequence[Problem]) -> tuple[Change, ...]:
    """The changes that no problem stands in the way of."""
    refused = {problem.path for problem in problems}
    return tuple(change for change in changes if change.path not in refused)


def handling_by(profile: Profile) -> Callable[[RelPath], Handling]:
    """How the profile wants each path handled."""

    def handling(path: RelPath) -> Handling:
        ruling = profile.classify(path)
        return Handling(group=ruling.group, semaphore=ruling.semaphore, effect=ruling.effect)

    return handling


def plan_nodes(
    jobs: Sequence[NodeJob], profile: Profile, snapshot: Manifest, store: Store, guard: WorkContext
) -> list[NodeResult]:
    """Plan every node at once; a node that cannot be asked is away and says why."""

    places = Semaphore(settings.PORTAL.target_workers)

    def plan_one(job: NodeJob) -> NodeResult:
        try:
            return _plan_node(job, profile, snapshot, store, guard, places)
        finally:
            guard.progress()  # also a node that was away is a sign of life: many of them take longer than a lease
            connections.close_all()

    if not jobs:
        return []
    # a thread each, so that a node that does not answer waits in nobody's place
    with ThreadPoolExecutor(len(jobs), "plan") as pool:
        return list(pool.map(plan_one, jobs))


def _plan_node(
    job: NodeJob, profile: Profile, snapshot: Manifest, store: Store, guard: WorkContext, places: Semaphore
) -> NodeResult:
    node = job.node
    try:
        with open_node(node) as link:
            connections.close_all()  # of the database; a thread that waits for its place needs none
            with places:
                freshen(node, link, profile, guard.check)
                seen = look(link, job, profile, snapshot, store, guard)
                space = link.session.free_space(link.root)
    except NodeError as error:
        return NodeResult(NodePlan(node.pk, node.name, away=str(error), away_code=error.code), None, None)
    plan = NodePlan(
        node_id=node.pk,
        node_name=node.name,
        steps=seen.changes,
        detail=NodeFiles(seen.desired.kept, seen.extras),
        problems=seen.problems,
    )
    return NodeResult(plan, space.free if space else None, seen.scan.manifest, seen.desired.differing)


def name_problems(link: NodeLink, snapshot: Manifest) -> tuple[Problem, ...]:
    """Files of the primary whose names the node's system cannot hold."""
    found: list[Problem] = []
    for path in snapshot.files:
        reasons = [link.platform.name_problem(part) for part in path.split("/")]
        reason = next((reason for reason in reasons if reason), None)
        if reason:
            found.append(Problem(path, "bad_name", reason))
    return tuple(found)


def store_tree(manifest: Manifest, store: Store) -> str:
    """Put a manifest's tree into the store; answer its root."""
    tree = build(manifest)
    with store.batch() as batch:
        for content in tree.objects.values():
            batch.put(content)
    return tree.root
