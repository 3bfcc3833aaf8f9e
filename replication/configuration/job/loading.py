"""Read from the database and the store what a replication works on, in the engine's own thread, as values."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.db.models import Count
from django.utils import timezone

from nodes.counted import many
from nodes.enums import IniChoice
from nodes.ini_keys.models import IniDecision
from nodes.products.ini_render import IniKey
from nodes.registry.models import Node
from nodes.typed_json import TypedJson
from replication.configuration.job.desired import Decisions
from replication.configuration.models import Baseline, Conflict, NodeTree, Origin, Snapshot
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath
from replication.files.core.tree import changed, decode_changes, load, what_is_left
from replication.files.work_context import WorkContext
from replication.objects import ObjectLost, Store

_FOLDERS: TypedJson[frozenset[str]] = TypedJson(frozenset[str])


def latest_snapshot(cluster_id: int) -> Snapshot | None:
    """The newest snapshot of the cluster's configuration."""
    return Snapshot.objects.filter(cluster_id=cluster_id).order_by("-id").first()


def last_given(cluster_id: int) -> Snapshot | None:
    """The newest snapshot that a secondary was proven to have been given; None where nothing was ever proven. What a
    halted job or a dry run saw is none: the next job must not take it for what is normal."""
    return Snapshot.objects.filter(baselines__node__cluster=cluster_id).order_by("-id").first()


def manifest_at(root: str, store: Store) -> Manifest:
    """The manifest of a tree in the store; an empty one for ""."""
    return load(root, store.get) if root else Manifest()


def left_at(root: str, store: Store, guard: WorkContext, what: str) -> Manifest:
    """What the store still has of a tree. What it lost is not known: it is looked at anew, and said in the job's log as
    a part of `what`."""
    if not root:
        return Manifest()
    manifest, lost = what_is_left(root, what_is_kept(store))
    if lost:
        folders = ", ".join(folder or "all" for folder in lost[:5])
        where = f"{many(len(lost), 'folder')}: {folders}"
        text = f"The store lost what it knew of {what} in {where}. What is there is looked at anew."
        guard.event("warning", "objects.lost", text, {"folders": list(lost[:50])})
    return manifest


def node_tree_left(tree: NodeTree, store: Store, guard: WorkContext, what: str) -> Manifest:
    """The same of a node's files. What is not known any more is nobody's: what differs there from what is wanted counts
    as an edit and is kept, what is not wanted stays."""
    return changed(left_at(tree.root, store, guard, what), changes_left(tree, store, guard, what))


def changes_left(tree: NodeTree, store: Store, guard: WorkContext, what: str) -> dict[RelPath, FileState | None]:
    """In what a node's files are other than in its tree, as far as the store still has it."""
    kept = what_is_kept(store)(tree.changes_object) if tree.changes_object else b""
    if kept is None:
        guard.event("warning", "objects.lost", f"The store lost what changed of {what} since. It is looked at anew.")
    return decode_changes(kept or b"")


def node_tree(tree: NodeTree, store: Store) -> Manifest:
    """A node's files. Raises StoreError, TreeDamaged."""
    changes = decode_changes(store.get(tree.changes_object)) if tree.changes_object else {}
    return changed(manifest_at(tree.root, store), changes)


def _left(root: str, store: Store) -> Manifest:
    return what_is_left(root, what_is_kept(store))[0] if root else Manifest()


def what_is_kept(store: Store) -> Callable[[str], bytes | None]:
    """To get objects where some may be lost: None."""

    def get(id_: str) -> bytes | None:
        try:
            return store.get(id_)
        except ObjectLost:
            return None

    return get


def baseline_of(node_id: int, store: Store) -> Manifest | None:
    """What was last proven on the node; None if nothing ever was."""
    row = Baseline.objects.filter(node_id=node_id).first()
    return None if row is None else node_tree(row.tree, store)


def held_by(node_id: int, store: Store) -> Manifest:
    """The primary's files that are proven on the node, as far as they are known; empty if nothing ever was."""
    row = Baseline.objects.filter(node_id=node_id).select_related("snapshot").first()
    return _left(row.held if row else "", store)


def held_in(cluster_id: int) -> dict[int, str]:
    """The same as trees, by node, for every node of a cluster of which it is known."""
    rows = Baseline.objects.filter(node__cluster=cluster_id).select_related("snapshot")
    return {row.node_id: row.held for row in rows if row.held}


def kept_origin(node_id: int, store: Store) -> Manifest | None:
    """What the node held before the portal first wrote to it, as far as it is known; None if that was never kept."""
    root = Origin.objects.filter(node_id=node_id).values_list("root", flat=True).first()
    return None if root is None else _left(root, store)


def origin_of(node_id: int, store: Store) -> Manifest:
    """The same; empty if it was never kept."""
    return kept_origin(node_id, store) or Manifest()


def origin_folders(node_id: int, store: Store) -> frozenset[str] | None:
    """The folders that the node had before the portal first wrote to it; None where that was not kept, or is lost."""
    kept = Origin.objects.filter(node_id=node_id).values_list("folders_object", flat=True).first()
    stored = what_is_kept(store)(kept) if kept else None
    return None if stored is None else _FOLDERS.decode(stored)


def decisions_of(node_ids: Collection[int]) -> dict[int, Decisions]:
    """By node, its ini keys by what was decided on them."""
    found: dict[int, dict[str, dict[str, set[IniKey]]]] = {
        node_id: {choice: defaultdict(set) for choice in IniChoice.values} for node_id in node_ids
    }
    for row in IniDecision.objects.filter(node__in=node_ids):
        found[row.node_id][row.choice][row.path].add(IniKey(row.section, row.key))
    return {
        node_id: Decisions(keep=keys[IniChoice.KEEP], replicate=keys[IniChoice.REPLICATE])
        for node_id, keys in found.items()
    }


def kept_edits(node_ids: Collection[int], job_id: int) -> Mapping[int, int]:
    """By node, how many of its edits a job keeps; those of which it keeps none are not among them."""
    rows = Conflict.objects.filter(node__in=node_ids, job=job_id).order_by().values("node")
    return dict(rows.annotate(kept=Count("pk")).values_list("node", "kept"))


def node_clock_ns(node: Node) -> int:
    """The node's idea of now, by its last measured clock offset: what racy timestamps are compared with."""
    offset_ms = getattr(getattr(node, "facts", None), "clock_offset_ms", None) or 0.0
    return int(timezone.now().timestamp() * 1e9 + offset_ms * 1e6)


class SharedGuard:
    """A job's lease for several planning threads: only one at a time may use what is behind it."""

    def __init__(self, guard: WorkContext) -> None:
        self._guard = guard
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raise what stands against going on, in whichever thread asks."""
        with self._lock:
            self._guard.check()

    def progress(self, **changes: Any) -> None:
        """Report work done; the counts of all threads add up."""
        with self._lock:
            self._guard.progress(**changes)

    def event(self, level: str, code: str, text: str, data: Mapping[str, Any] | None = None) -> None:
        """Add a line to the job's log."""
        with self._lock:
            self._guard.event(level, code, text, data)

    def boundary(self, name: str) -> None:
        """The end of a step of one node; other nodes may be in the middle of theirs."""
        with self._lock:
            self._guard.boundary(name)
