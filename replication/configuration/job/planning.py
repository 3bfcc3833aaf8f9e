"""Plan a replication: the primary's snapshot against every secondary, all at once, changing nothing."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Semaphore

from django.conf import settings
from django.db import connections

from nodes.connection.connect import open_node
from nodes.errors import NodeError
from nodes.facts.observe import freshen
from nodes.products.ini_render import DifferingKey
from replication.configuration.job.looking import Look, NodeJob, NodeScan
from replication.configuration.job.source import Source
from replication.configuration.models import NodeTree
from replication.files.core.changes import NodeFiles
from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath
from replication.files.core.tree import build
from replication.files.work_context import WorkContext
from replication.jobs.core.plan import NodePlan
from replication.objects import Store


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

    places = Semaphore(_width(len(source.manifest.files)))

    def plan_one(job: NodeJob) -> NodeResult:
        try:
            return _plan_node(job, source, store, guard, places, job_id=job_id, deep=deep)
        finally:
            guard.progress()  # also a node that was away is a sign of life: many of them take longer than a lease
            connections.close_all()

    if not jobs:
        return []
    # a thread each, so that a node that does not answer waits in nobody's place
    with ThreadPoolExecutor(len(jobs), "plan") as pool:
        return list(pool.map(plan_one, jobs))


FILES_AT_ONCE = 100_000
"""Files of all nodes that are compared at once, as they are in memory; of larger trees fewer nodes are looked at."""
LEAST_AT_ONCE = 4


def _width(files: int) -> int:
    """How many nodes are looked at at once."""
    most = settings.PORTAL.target_workers
    return max(min(LEAST_AT_ONCE, most), min(most, FILES_AT_ONCE // max(files, 1)))


def _plan_node(
    job: NodeJob,
    source: Source,
    store: Store,
    guard: WorkContext,
    places: Semaphore,
    *,
    job_id: int,
    deep: bool,
) -> NodeResult:
    node = job.node
    try:
        with open_node(node, job.door) as link:
            connections.close_all()  # of the database; a thread that waits for its place needs none
            with places:
                freshen(node, link, source.profile, guard.check)
                seen = Look(link, job, source, store, guard).first(deep=deep)
                space = link.session.free_space(link.root)
    except NodeError as error:
        return NodeResult(NodePlan(node.pk, node.name, away=str(error), away_code=error.code), None)
    RECENT.keep((job_id, node.pk), job.tree, seen)
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
RECENT_FILES = 100_000
"""Files and changes of all looks that are remembered."""


class _Recent:
    """What jobs' plans saw, until their targets take it, or others need the room. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[int, int], tuple[float, NodeTree | None, NodeScan]] = OrderedDict()

    def keep(self, which: tuple[int, int], tree: NodeTree | None, seen: NodeScan) -> None:
        """Remember what was seen of a node, by job and node; `tree`: what was proven there then."""
        with self._lock:
            self._seen[which] = (time.monotonic(), tree, seen)
            while len(self._seen) > 1 and sum(_size(one) for _, _, one in self._seen.values()) > RECENT_FILES:
                self._seen.popitem(last=False)

    def take(self, which: tuple[int, int], tree: NodeTree | None) -> NodeScan | None:
        """What was seen, once, if that was a moment ago and nothing was proven there since."""
        with self._lock:
            seen_at, proven, seen = self._seen.pop(which, (float("-inf"), None, None))
        is_recent = time.monotonic() - seen_at < RECENT_SECONDS
        return seen if is_recent and proven == tree else None

    def forget(self) -> None:
        """Look again."""
        with self._lock:
            self._seen.clear()


RECENT = _Recent()


def _size(seen: NodeScan) -> int:
    return len(seen.scan.manifest.files) + len(seen.changes)


def store_tree(manifest: Manifest, store: Store) -> str:
    """Put a manifest's tree into the store; answer its root."""
    tree = build(manifest)
    with store.batch() as batch:
        for content in tree.objects.values():
            batch.put(content)
    return tree.root
