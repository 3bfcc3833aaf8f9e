"""Look at secondaries: one listing each, and hash only what it shows to be other than it was."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from nodes.connection.connect import open_node
from nodes.errors import LimitBroken, NodeError
from nodes.facts.selectors.facts import profile_of
from nodes.leases.crew import CREW, Lane
from nodes.leases.errors import Interrupted
from nodes.leases.worker import SHUTTING_DOWN, closing
from nodes.products.errors import ProfileError
from nodes.registry.services.comparison import note_looked
from replication.configuration.job.loading import latest_snapshot
from replication.configuration.job.looking import Look, NodeJob, node_jobs
from replication.configuration.job.source import SOURCES
from replication.drift.selectors import nodes_to_compare, worked_on_since
from replication.objects import StoreError, default_store

_LOG = logging.getLogger(__name__)

AT_ONCE = 8
"""Nodes looked at concurrently."""

SHARE = 20.0
"""Looking at a node takes at most one part in so many of the time."""


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


class _Rests:
    """When a node may be looked at again. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[int, float] = {}

    def begin(self, node_id: int, took: float) -> None:
        """After a look that took so many seconds."""
        with self._lock:
            self._until[node_id] = time.monotonic() + SHARE * took

    def end(self, node_ids: Collection[int]) -> None:
        """They had rest enough."""
        with self._lock:
            for node_id in node_ids:
                self._until.pop(node_id, None)

    def is_over(self, node_id: int) -> bool:
        """Whether the node had its rest."""
        with self._lock:
            return time.monotonic() >= self._until.get(node_id, 0.0)


RESTS = _Rests()


def compare_all() -> None:
    """Look at every secondary that is due, cluster by cluster beside one another."""
    for cluster_id in {node.cluster_id for node in nodes_to_compare() if RESTS.is_over(node.pk)}:
        CREW.do(Lane("drift", cluster_id, 1), 0, partial(_compare, cluster_id))


def _compare(cluster_id: int) -> None:
    """Look at every secondary of a cluster that is due, and note how many of its files others changed."""
    nodes = [node for node in nodes_to_compare(cluster=cluster_id) if RESTS.is_over(node.pk)]
    if not nodes:
        return
    began = timezone.now()
    with ThreadPoolExecutor(min(AT_ONCE, len(nodes)), "drift") as pool:
        jobs = node_jobs(nodes)
        counts = dict(zip(nodes, pool.map(lambda job: closing(partial(_count, job)), jobs), strict=True))
    seen = {node.pk: count for node, count in counts.items() if count is not None}
    for node_id in worked_on_since(began, seen.keys()):
        del seen[node_id]
    note_looked(seen)


def _count(job: NodeJob) -> int | None:
    """How many files of a node others changed; None where that cannot be said now."""
    began = time.monotonic()
    try:
        return _look(job)
    except LimitBroken as error:
        RESTS.begin(job.node.pk, time.monotonic() - began)
        _LOG.info("%s was not compared: %s", job.node, error)
    except (NodeError, ProfileError, StoreError, OSError, ValueError, Interrupted) as error:
        _LOG.info("%s was not compared: %s", job.node, error)
    except DatabaseError as error:
        _LOG.warning("%s was not compared: %s", job.node, error)
    return None


def _look(job: NodeJob) -> int:
    """Ask as a job does what of a node is an edit: what a job that was cut short left there, what an earlier one gave,
    and what the primary holds, too, is none."""
    store, newest = default_store(), latest_snapshot(job.node.cluster_id)
    source = SOURCES.at(newest.root if newest else "", profile_of(job.node.cluster), store)
    began = time.monotonic()
    with open_node(job.node) as link:
        seen = Look(link, job, source, store, Reading()).first()
    RESTS.begin(job.node.pk, time.monotonic() - began)
    return sum(change.conflict for change in seen.changes)
