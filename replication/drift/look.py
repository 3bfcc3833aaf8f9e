"""Look at secondaries: one listing each, and hash only what it shows to be other than it was."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from nodes.connection.connect import NodeLink, open_node
from nodes.errors import NodeError
from nodes.facts.selectors.facts import profile_of
from nodes.leases.errors import Interrupted
from nodes.leases.worker import SHUTTING_DOWN, closing
from nodes.platforms import platform_named
from nodes.products.errors import ProfileError
from nodes.products.profile import PathClass, Profile
from nodes.registry.models import Node
from nodes.registry.services.comparison import note_looked
from replication.configuration.job.loading import latest_snapshot, manifest_at, node_clock_ns
from replication.configuration.job.planning import look, node_job
from replication.drift.core import Files, departed
from replication.drift.selectors import nodes_to_compare, worked_on_since
from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath
from replication.files.core.spelling import Spelling
from replication.files.scan import scan_node
from replication.objects import StoreError, default_store

_LOG = logging.getLogger(__name__)

AT_ONCE = 8
"""Nodes looked at concurrently."""

SHARE = 20.0
"""Looking at a node takes at most one part in so many of the time."""

NODES_KEPT = 64
"""Nodes of which a process remembers what it saw."""


class Ending(Interrupted):
    """The worker was told to end."""


class Reading:
    """`replication.files.work_context.WorkContext` for a look, which holds nothing and may be given up at any time."""

    def check(self) -> None:
        """Raises Ending."""
        if SHUTTING_DOWN.is_set():
            raise Ending("the worker ends")

    def progress(self, **changes: Any) -> None:
        """Nobody follows a look."""

    def event(self, level: str, code: str, text: str, data: Mapping[str, Any] | None = None) -> None:
        """A look has no log."""

    def boundary(self, name: str) -> None:
        """A look is repeated, not resumed."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What differed from what was proven, and how many files others than the portal had changed then."""

    differs: Mapping[RelPath, str] = field(default_factory=dict)
    edited: int = 0


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was proven on a node, by the root of its tree; the node as it was last seen; what was made of that."""

    root: str
    proven: Files
    seen: Manifest
    judged: Judged = Judged()


class _Memory:
    """What the last looks of this process saw, and when a node may be looked at again. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nodes: OrderedDict[int, Remembered] = OrderedDict()
        self._rest_until: dict[int, float] = {}

    def of(self, node: Node) -> Remembered:
        """What to compare with. Raises StoreError, ValueError where the tree cannot be read."""
        root = node.baseline.root
        with self._lock:
            known = self._nodes.get(node.pk)
        if known is not None and known.root == root:
            return known
        proven = manifest_at(root, default_store())
        return Remembered(root, proven.files, proven)

    def keep(self, node_id: int, now: Remembered, took: float) -> None:
        """Remember a look that took so many seconds."""
        with self._lock:
            self._nodes[node_id] = now
            self._nodes.move_to_end(node_id)
            while len(self._nodes) > NODES_KEPT:
                self._nodes.popitem(last=False)
            self._rest_until[node_id] = time.monotonic() + SHARE * took

    def is_due(self, node_id: int) -> bool:
        """Whether the node had its rest."""
        with self._lock:
            return time.monotonic() >= self._rest_until.get(node_id, 0.0)


_MEMORY = _Memory()


def compare_all() -> dict[int, int]:
    """Look at every secondary that is due, and note how many of its files others changed. Answers that by node."""
    nodes = [node for node in nodes_to_compare() if _MEMORY.is_due(node.pk)]
    if not nodes:
        return {}
    began = timezone.now()
    with ThreadPoolExecutor(min(AT_ONCE, len(nodes)), "drift") as pool:
        counts = dict(zip(nodes, pool.map(lambda node: closing(partial(_count, node)), nodes), strict=True))
    seen = {node.pk: count for node, count in counts.items() if count is not None}
    for node_id in worked_on_since(began, seen.keys()):
        del seen[node_id]
    note_looked(seen)
    return seen


def _count(node: Node) -> int | None:
    """How many files of a node others changed; None where that cannot be said now."""
    try:
        return _look(node)
    except (NodeError, ProfileError, StoreError, OSError, ValueError, Interrupted) as error:
        _LOG.info("%s was not compared: %s", node, error)
    except DatabaseError as error:
        _LOG.warning("%s was not compared: %s", node, error)
    return None


def _look(node: Node) -> int:
    before, profile = _MEMORY.of(node), profile_of(node.cluster)
    spelling = Spelling(before.proven) if platform_named(node.platform).folds_case else None
    began = time.monotonic()
    with open_node(node) as link:
        scan = scan_node(
            link, profile, known=before.seen, scan_ns=node_clock_ns(node), guard=Reading(), spelling=spelling
        )
        found = departed(before.proven, scan.manifest).items()
        differs = {path: content for path, content in found if profile.classify(path).path_class == PathClass.CONFIG}
        judged = before.judged if differs == before.judged.differs else _judge(link, node, profile, differs)
    _MEMORY.keep(node.pk, replace(before, seen=scan.manifest, judged=judged), time.monotonic() - began)
    return judged.edited


def _judge(link: NodeLink, node: Node, profile: Profile, differs: Mapping[RelPath, str]) -> Judged:
    """Ask as a job does which of what differs is an edit: what a job that was cut short left there, what an earlier one
    gave, and what the primary holds, too, is none."""
    if not differs:
        return Judged()
    store, newest = default_store(), latest_snapshot(node.cluster_id)
    wanted = manifest_at(newest.root if newest else "", store)
    reading = Reading()
    changes = look(link, node_job(node, store, reading), profile, wanted, store, reading).changes
    return Judged(differs, sum(change.conflict for change in changes))
