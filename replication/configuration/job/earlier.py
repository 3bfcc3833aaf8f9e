"""What replication gave before: content on a node that an earlier snapshot of the cluster held there is no edit.

A node has such content without its baseline saying so where a run ended between writing and proving, or where the
server was put back to an older state from a backup of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from nodes.registry.models import Node
from replication.configuration.models import Baseline, Snapshot
from replication.files.core.changes import Change, ChangeKind
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath
from replication.files.core.tree import Lookup, TreeDamaged
from replication.files.work_context import WorkContext
from replication.objects import Store, StoreError

MOST = 100
"""Snapshots looked into, only where edits were found: reading a folder of 1,000 files in so many takes about a second.
A file that did not change since is in the oldest of them as it was before."""

IsSame = Callable[[RelPath, str, str], bool]
"""Whether a path's content on a node, by its hash (last), is what the node gets for content of the primary (second)."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A snapshot's tree in the store. `since`: it is newer than what the node was last proven to hold, so the node may
    have been given it without a proof."""

    root: str
    since: bool


def earlier_trees(node: Node) -> tuple[Tree, ...]:
    """The trees of the cluster's snapshots, the newest first."""
    proven = Baseline.objects.filter(node=node).values_list("snapshot_id", flat=True).first()
    rows = Snapshot.objects.filter(cluster_id=node.cluster_id).order_by("-id").values_list("pk", "root")[:MOST]
    return tuple(dict.fromkeys(Tree(root, proven is not None and pk > proven) for pk, root in rows))


def edited_since(changes: Sequence[Change], origin: Manifest) -> tuple[Change, ...]:
    """The changes to a node that was never proven, of which those are conflicts that replace what it did not hold when
    the portal first looked."""

    def is_new(change: Change) -> bool:
        then = origin.files.get(change.path)
        return change.found is not None and (then is None or then.sha256 != change.found.sha256)

    return tuple(
        replace(change, conflict=True) if change.kind is not ChangeKind.TOUCH and is_new(change) else change
        for change in changes
    )


def not_given(
    contents: Collection[tuple[str, str]], trees: Sequence[Tree], store: Store, guard: WorkContext
) -> set[tuple[str, str]]:
    """Of contents, each a path and a hash, those that no tree has there."""
    left = set(contents)
    lookup = Lookup([path for path, _ in left], store.get)
    for tree in trees:
        if not left:
            break
        guard.check()
        with suppress(StoreError, TreeDamaged):  # its retention ended; the others still tell
            then = {path: lookup.find(tree.root, path) for path, _ in left}
            left = {
                (path, content) for path, content in left if (state := then[path]) is None or state.sha256 != content
            }
    return left


def without_given(
    changes: Sequence[Change], trees: Sequence[Tree], store: Store, is_same: IsSame, guard: WorkContext
) -> tuple[Change, ...]:
    """The changes, of which those are no conflicts that replace what replication gave before, or add what it had
    deleted."""
    doubtful = {change.path: change for change in changes if change.conflict}
    given: set[RelPath] = set()
    lookup = Lookup(doubtful, store.get)
    for tree in trees:
        if not doubtful:
            break
        guard.check()
        try:
            then = {path: lookup.find(tree.root, path) for path in doubtful}
        except (StoreError, TreeDamaged):  # its retention ended; the others still tell
            continue
        found = _explained(doubtful, then, is_same, since=tree.since)
        given |= found
        doubtful = {path: change for path, change in doubtful.items() if path not in found}
    return tuple(replace(change, conflict=False) if change.path in given else change for change in changes)


def _explained(
    doubtful: Mapping[RelPath, Change],
    then: Mapping[RelPath, FileState | None],
    is_same: IsSame,
    *,
    since: bool,
) -> set[RelPath]:
    """What a tree explains: files that are as it has them; and files that are gone as in it, if it is `since` or
    explains a file that is there."""
    same = {
        path
        for path, change in doubtful.items()
        if change.found and (state := then[path]) and is_same(path, state.sha256, change.found.sha256)
    }
    if not same and not since:
        return same
    return same | {path for path, change in doubtful.items() if change.found is None and then[path] is None}
