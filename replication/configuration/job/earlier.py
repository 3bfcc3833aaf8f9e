"""What replication gave before: content on a node that an earlier snapshot of the cluster held there is no edit.

A node has such content without its baseline saying so where a run ended between writing and proving, or where the
server was put back to an older state from a backup of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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


def _looked_up(
    left: Collection[str], trees: Sequence[Tree], store: Store, guard: WorkContext
) -> Iterator[tuple[Tree, Mapping[str, FileState | None]]]:
    """Each tree with what it has at the paths that are `left`, as long as there are any: callers take out of it what
    needs no further tree."""
    lookup = Lookup(left, store.get)
    for tree in trees:
        if not left:
            break
        guard.check()
        try:
            then = {path: lookup.find(tree.root, path) for path in left}
        except (StoreError, TreeDamaged):  # its retention ended; the others still tell
            continue
        yield tree, then


def not_given(
    contents: Collection[tuple[str, str]], trees: Sequence[Tree], store: Store, guard: WorkContext
) -> set[tuple[str, str]]:
    """Of contents, each a path and a hash, those that no tree has there."""
    left: dict[str, set[str]] = {}
    for path, content in contents:
        left.setdefault(path, set()).add(content)
    for _, then in _looked_up(left, trees, store, guard):
        for path, state in then.items():
            if state is not None and left[path] == {state.sha256}:
                del left[path]
            elif state is not None:
                left[path].discard(state.sha256)
    return {(path, content) for path, kept in left.items() for content in kept}


def without_given(
    changes: Sequence[Change], trees: Sequence[Tree], store: Store, is_same: IsSame, guard: WorkContext
) -> tuple[Change, ...]:
    """The changes, of which those are no conflicts that replace what replication gave before, or add what it had
    deleted."""
    doubtful = {change.path: change for change in changes if change.conflict}
    given: set[RelPath] = set()
    for tree, then in _looked_up(doubtful, trees, store, guard):
        found = _explained(doubtful, then, is_same, since=tree.since)
        given |= found
        for path in found:
            del doubtful[path]
    return tuple(replace(change, conflict=False) if change.path in given else change for change in changes)


def _explained(
    doubtful: Mapping[RelPath, Change],
    then: Mapping[str, FileState | None],
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
