"""Plan a replication: the primary's snapshot against every secondary, all at once, changing nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Semaphore

from django.db import connections

from nodes.bounded import Bounded
from nodes.connection.connect import open_node
from nodes.counted import many
from nodes.errors import NodeError
from nodes.facts.observe import freshen
from nodes.products.ini_render import DifferingKey
from replication.configuration.job.comparing import Alike
from replication.configuration.job.looking import Look, NodeJob, NodeScan
from replication.configuration.job.source import Source
from replication.configuration.models import NodeTree
from replication.files.core.changes import Change, NodeFiles
from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath
from replication.files.core.tree import build
from replication.files.work_context import WorkContext
from replication.jobs.core.plan import NodePlan
from replication.jobs.width import at_once
from replication.objects import Store

SHOWN = 3
"""Nodes named that a job still looks at."""


@dataclass(frozen=True, slots=True)
class NodeResult:
    """A node's plan, the free bytes of its volume (None: unknown), and, before its first proof, the ini keys that
    differ by their file. `hidden` and `read` as in `Scan`."""

    plan: NodePlan
    free: int | None
    differing: Mapping[RelPath, tuple[DifferingKey, ...]] = field(default_factory=dict)
    hidden: tuple[RelPath, ...] = ()
    read: int = 0


def plan_nodes(
    jobs: Sequence[NodeJob], source: Source, store: Store, guard: WorkContext, *, job_id: int = 0, deep: bool = False
) -> list[NodeResult]:
    """Plan every node at once; a node that cannot be asked is away and says why. What was seen is remembered for the
    targets of the job."""
    planning = _Planning(source, store, guard, job_id, deep, _Left(job.node.name for job in jobs))
    if not jobs:
        return []
    # a thread each, so that a node that does not answer waits in nobody's place
    with ThreadPoolExecutor(len(jobs), "plan") as pool:
        return list(pool.map(planning.plan_one, jobs))


class _Same:
    """The lists of changes of a job's nodes, which mostly are the same list: kept once. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: list[tuple[Change, ...]] = []

    def as_known(self, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        """An equal list that is known, or this one from now on."""
        with self._lock:
            alike = [one for one in self._known if len(one) == len(changes) and one[:1] == changes[:1]]
        for known in alike:
            if known == changes:
                return known
        with self._lock:
            self._known.append(changes)
        return changes


class _Left:
    """The nodes that are still being looked at, so that a job which waits for them says so. Safe for threads."""

    def __init__(self, names: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._names = dict.fromkeys(names)

    def without(self, name: str) -> str:
        """What planning is at once this node is done, in a few words."""
        with self._lock:
            self._names.pop(name, None)
            names = list(self._names)
        return f"comparing; {many(len(names), 'node')} left: {', '.join(names[:SHOWN])}" if names else "comparing"


class _Planning:
    """The planning of all nodes of one job."""

    def __init__(
        self, source: Source, store: Store, guard: WorkContext, job_id: int, deep: bool, nodes_left: _Left
    ) -> None:
        self.nodes_left = nodes_left
        self.source, self.store, self.guard, self.job_id, self.deep = source, store, guard, job_id, deep
        self._places = Semaphore(at_once(len(source.manifest.files)))
        self._same, self._alike = _Same(), Alike()

    def plan_one(self, job: NodeJob) -> NodeResult:
        """Plan one node, in a thread of its own."""
        try:
            return self._plan(job)
        except NodeError as error:
            return NodeResult(NodePlan(job.node.pk, job.node.name, away=str(error), away_code=error.code), None)
        finally:
            # also a node that was away is a sign of life: many take longer than a lease
            self.guard.progress(phase=self.nodes_left.without(job.node.name))
            connections.close_all()

    def _plan(self, job: NodeJob) -> NodeResult:
        node = job.node
        with open_node(node, job.door) as link:
            connections.close_all()  # of the database; a thread that waits for its place needs none
            with self._places:
                freshen(node, link, self.source.profile, self.guard.check)
                seen = Look(link, job, self.source, self.store, self.guard, self._alike).first(deep=self.deep)
                space = link.session.free_space(link.root)
        seen = replace(seen, changes=self._same.as_known(seen.changes))
        RECENT.keep((self.job_id, node.pk), _Seen(time.monotonic(), job.tree, seen))
        plan = NodePlan(
            node_id=node.pk,
            node_name=node.name,
            steps=seen.changes,
            detail=NodeFiles(seen.desired.kept, seen.extras),
            problems=seen.problems,
        )
        free = space.free if space else None
        return NodeResult(plan, free, seen.desired.differing, seen.scan.hidden, seen.scan.read)


RECENT_SECONDS = 10.0
"""How long what a plan saw is what its targets begin with; what they replace they hash once more."""
RECENT_FILES = 40_000
"""Files and changes of all looks that are remembered."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of a node, when, and what was proven there then."""

    at: float
    tree: NodeTree | None
    scan: NodeScan


RECENT: Bounded[tuple[int, int], _Seen] = Bounded(
    RECENT_FILES, lambda seen: len(seen.scan.scan.manifest.files) + len(seen.scan.changes)
)
"""What jobs' plans saw, by job and node, until their targets take it."""


def take_recent(job_id: int, node_id: int, tree: NodeTree | None) -> NodeScan | None:
    """What a job's plan saw of a node, once, if that was a moment ago and nothing was proven there since."""
    seen = RECENT.take((job_id, node_id))
    is_recent = seen is not None and time.monotonic() - seen.at < RECENT_SECONDS
    return seen.scan if seen is not None and is_recent and seen.tree == tree else None


def store_tree(manifest: Manifest, store: Store) -> str:
    """Put a manifest's tree into the store; answer its root."""
    tree = build(manifest)
    with store.batch() as batch:
        for content in tree.objects.values():
            batch.put(content)
    return tree.root
