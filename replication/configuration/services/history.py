"""Write what was seen, proven and lost: snapshots, baselines, origins, conflicts.

Callers run these inside the engine's fenced transaction, so that history is written exactly when the outcome is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from accounts.audit import last_at
from nodes.registry.services.comparison import forget_comparison, note_behind, note_incomplete, note_looked
from replication.configuration.models import (
    Baseline,
    Conflict,
    NodeTree,
    Origin,
    Snapshot,
)
from replication.configuration.signals import PROVEN


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """What a snapshot row says of its tree. `findings_object`: problems and unclassified paths, in the store."""

    cluster_id: int
    node_id: int
    root: str
    files: int
    bytes: int
    stale: int
    findings_object: str
    problem_count: int
    unclassified_count: int


def record_snapshot(facts: SnapshotFacts, *, same_as: int | None) -> int:
    """A new snapshot row, child of the newest; where `same_as` says that row holds the same content, that one, brought
    up to date. Answers its id."""
    fields = {
        "root": facts.root,
        "files": facts.files,
        "bytes": facts.bytes,
        "stale": facts.stale,
        "findings_object": facts.findings_object,
        "problem_count": facts.problem_count,
        "unclassified_count": facts.unclassified_count,
    }
    if same_as is not None and Snapshot.objects.filter(pk=same_as).update(**fields):
        return same_as
    parent = Snapshot.objects.filter(cluster_id=facts.cluster_id).order_by("-id").first()
    row = Snapshot.objects.create(cluster_id=facts.cluster_id, node_id=facts.node_id, parent=parent, **fields)
    return row.pk


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proven on a node: `tree` is the files there, `snapshot_id` what it stands for. `held_root`:
    the tree of the primary's files that are proven, "" for all of the snapshot. `behind`, `edited`: how many files are
    not, and how many of those others changed. `incomplete`: what could not be handled, in a sentence; "": nothing."""

    node_id: int
    job_id: int
    snapshot_id: int | None
    tree: NodeTree
    files: int
    held_root: str = ""
    behind: int = 0
    edited: int = 0
    incomplete: str = ""


def record_baselines(proofs: Sequence[Proof]) -> None:
    """Replace the baselines of nodes, and say what the nodes lack."""
    proven_at = timezone.now()
    rows = [
        Baseline(
            node_id=proof.node_id,
            job_id=proof.job_id,
            snapshot_id=proof.snapshot_id,
            root=proof.tree.root,
            changes_object=proof.tree.changes_object,
            held_root=proof.held_root,
            files=proof.files,
            proven_at=proven_at,
        )
        for proof in proofs
    ]
    columns = ["job", "snapshot", "root", "changes_object", "held_root", "files", "proven_at"]
    Baseline.objects.bulk_create(rows, update_conflicts=True, unique_fields=["node"], update_fields=columns)
    note_behind({proof.node_id: proof.behind for proof in proofs})
    note_looked({proof.node_id: proof.edited for proof in proofs})
    note_incomplete({proof.node_id: proof.incomplete for proof in proofs})
    PROVEN.send(sender=None, node_ids=[proof.node_id for proof in proofs])


def record_origin(*, node_id: int, job_id: int, root: str, folders_object: str) -> None:
    """Remember what the node held before the portal first wrote to it; later calls change nothing."""
    values = {"job_id": job_id, "root": root, "folders_object": folders_object}
    Origin.objects.get_or_create(node_id=node_id, defaults=values)


def forget_node_history(node_id: int) -> None:
    """A node that joins anew, or has left, was never written to: neither origin nor baseline hold any more."""
    Origin.objects.filter(node=node_id).delete()
    Baseline.objects.filter(node=node_id).delete()
    forget_comparison(node_id)


def proven_before_a_restore(node_id: int) -> bool:
    """Whether the node's last proof is older than the portal's last restore from a backup: the portal may have
    forgotten what it gave since."""
    restored = last_at("portal.restore")
    return restored is not None and Baseline.objects.filter(node=node_id, proven_at__lt=restored).exists()


@dataclass(frozen=True, slots=True)
class LostEdit:
    """An edit made on a node that replication overwrote. `content` is an object id, "" for a deletion."""

    path: str
    content: str
    size: int
    secret: bool
    detail: dict[str, object]


def record_conflicts(*, node_id: int, job_id: int, edits: Sequence[LostEdit]) -> tuple[LostEdit, ...]:
    """Record each edit once a job; answer those that were new. Callers hold the claim of the job's work on the node."""
    there = set(Conflict.objects.filter(node_id=node_id, job_id=job_id).values_list("path", "content"))
    by_content = {(edit.path, edit.content): edit for edit in edits}
    new = tuple(edit for key, edit in by_content.items() if key not in there)
    Conflict.objects.bulk_create(
        Conflict(
            node_id=node_id,
            job_id=job_id,
            path=edit.path,
            content=edit.content,
            size=edit.size,
            secret=edit.secret,
            detail=edit.detail,
        )
        for edit in new
    )
    return new
