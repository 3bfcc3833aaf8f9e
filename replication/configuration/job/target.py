"""Bring one secondary to the snapshot and prove it: look, keep, stage, swap, tell, settle, look again."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from nodes.connection.connect import open_node
from nodes.counted import many
from nodes.lifecycle.services.joining import note_joined
from nodes.products.profile import Profile
from replication.configuration.core.configuration import is_deep
from replication.configuration.core.held import differing, held_after
from replication.configuration.job.conflicts import EditKeeper
from replication.configuration.job.earlier import earlier_trees, not_given
from replication.configuration.job.evidence import (
    TargetProgress,
    evidence_of,
    lacking,
    proven_files,
    verdict_on,
)
from replication.configuration.job.glance import remember
from replication.configuration.job.loading import (
    changes_left,
    held_by,
    left_at,
    node_tree_left,
    origin_folders,
    origin_of,
)
from replication.configuration.job.looking import Look, NodeJob, NodeScan, sighting_of
from replication.configuration.job.planning import store_tree, take_recent
from replication.configuration.job.source import SOURCES, Source
from replication.configuration.models import NodeTree
from replication.configuration.services.history import Proof, record_baselines, record_origin
from replication.files.apply.context import Context, Overwritten
from replication.files.apply.emptied import remove_emptied
from replication.files.apply.leftovers import sweep
from replication.files.apply.round import apply_round
from replication.files.apply.semaphores import semaphores_owed
from replication.files.core.changes import Change, ChangeKind, PrimaryFiles
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath, emptied_folders
from replication.files.core.tree import changed, encode_changes
from replication.jobs.batch_record import BatchRecord
from replication.jobs.core.states import TargetState
from replication.jobs.runner import TargetOutcome, TargetWork
from replication.objects import Store

MOST_CHANGES = 256
"""Files that may be other than in a proven tree before it is written anew."""

SETTLE_TURN_SECONDS = 0.2
"""How often a settling wait looks whether it must stop."""


class NodeRun:
    """One target's run. Holds what every step needs; each step is a method that reads like the walk."""

    def __init__(self, work: TargetWork, profile: Profile, store: Store, job: NodeJob) -> None:
        self.work = work
        self.profile = profile
        self.store = store
        self.lease = work.lease
        self.source = self._source()
        self.job = job
        self.edits = EditKeeper(work, profile, store, self._proven_content, kept=job.kept_edits)
        self.state = TargetProgress()

    def run(self) -> TargetOutcome:
        """The whole walk. Raises nodes.errors and the lease's interruptions."""
        with open_node(self.work.node, self.job.door) as link:
            context = Context(link, self.profile, self.store, self.lease, self._tag())
            seen = self._first_look(context)
            self.lease.boundary("looked")
            self._sweep(context, seen)
            self.lease.boundary("swept")
            refusal = self._departure(seen.changes)
            if refusal:
                return TargetOutcome(TargetState.HALTED, error_code="plan_outdated", error=refusal)
            self._remember_origin(seen)
            self.lease.boundary("origin-kept")
            return self._rounds(context, seen)

    def _source(self) -> Source:
        """What the node is brought to."""
        files: PrimaryFiles = self.work.plan.detail
        return SOURCES.at(files.snapshot_root, self.profile, self.store)

    def _tag(self) -> str:
        return f"{self.work.target.pk}.{self.lease.fence}"

    def _first_look(self, context: Context) -> NodeScan:
        """What the plan saw, if it was a moment ago, nobody worked on the node since and no person had to read it; else
        the node is looked at anew."""
        seen = take_recent(self.work.job.pk, self.work.node.pk, self.job.tree)
        is_first = self.work.target.attempt == 1 and not self.work.job.approved_by
        if seen is not None and is_first and not seen.scan.leftovers:
            return seen
        deep = is_deep(self.work.job.options)
        return self._eye(context).first(deep=deep)

    def _eye(self, context: Context) -> Look:
        return Look(context.link, self.job, self.source, self.store, self.lease)

    def _proven_content(self, path: RelPath) -> str | None:
        """The content that was last proven at a path, by its hash."""
        if self.job.tree is None:
            return None
        state = node_tree_left(self.job.tree, self.store, self.lease, "what was proven").files.get(path)
        return state.sha256 if state else None

    def _sweep(self, context: Context, seen: NodeScan) -> None:
        if seen.scan.leftovers:
            before = seen.known.before or origin_of(self.work.node.pk, self.store)
            known = self.edits.known(before.files, seen.desired.files)
            sweep(context, seen.scan.leftovers, known, self._keep_left)

    def _keep_left(self, edits: Sequence[Overwritten]) -> None:
        """Write down what an earlier owner's copies held, but for what replication gave before."""
        contents = {(edit.path, edit.content) for edit in edits}
        left = not_given(contents, earlier_trees(self.work.node), self.store, self.lease)
        self.edits.record(edit for edit in edits if (edit.path, edit.content) in left)

    def _departure(self, changes: Sequence[Change]) -> str:
        """Why the node is no longer what an approved plan saw; "" where the plan still fits or none was approved."""
        planned = self.work.node_plan
        if not self.work.job.approved_by or planned.away:
            return ""
        seen = {str(change.path): change for change in planned.steps}
        strange = [change.path for change in changes if not _was_planned(change, seen)]
        if not strange:
            return ""
        return (
            f"{many(len(strange), 'file')} on the node changed since the plan was approved, the first: {strange[0]!r}. "
            "Nothing was written. Plan again."
        )

    def _remember_origin(self, seen: NodeScan) -> None:
        if self.job.tree is None:
            root = store_tree(seen.scan.manifest, self.store)
            folders = self.store.put(json.dumps(sorted(seen.scan.folders)).encode())
            with self.lease.transaction():
                record_origin(node_id=self.work.node.pk, job_id=self.work.job.pk, root=root, folders_object=folders)

    def _rounds(self, context: Context, seen: NodeScan) -> TargetOutcome:
        """Apply and look again until the node stays as it should, at most the profile's number of retries."""
        total = max(len(seen.changes), len(self.work.node_plan.steps))  # what an earlier try put in place is done
        self.lease.progress(files=total - len(seen.changes), files_total=total, bytes_total=_bytes(seen.changes))
        self.state.first_found = {change.path: change.found.sha256 if change.found else None for change in seen.changes}
        changes: Sequence[Change] = seen.changes
        owed = self._owed(context, seen)
        for _ in range(self.profile.settle_retries + 1):
            if not changes and not owed:
                break
            self.state.add(apply_round(context, changes, keep=self.edits.record, owed=owed))
            owed = ()
            if self.state.told.locked:
                return self._waiting_for_semaphores(context)
            self._settle()
            seen = self._look_again(context, seen, changes)
            changes = [self._judged(change) for change in seen.changes if self._is_open(change)]
            self.lease.boundary("settled")
        return self._outcome(context, seen, changes)

    def _owed(self, context: Context, seen: NodeScan) -> tuple[str, ...]:
        """Semaphores for what an earlier try put in place, but died, or was paused, before it told the server."""
        told = seen.known.before or origin_of(self.work.node.pk, self.store)
        folds_case = context.link.platform.folds_case
        return semaphores_owed(
            context.profile, told=told, wanted=seen.desired.files, actual=seen.scan.manifest, folds_case=folds_case
        )

    def _look_again(self, context: Context, seen: NodeScan, done: Sequence[Change]) -> NodeScan:
        """What became of the node: what was written is hashed, and whatever else moved since."""
        return self._eye(context).again(seen, self._expected(seen), frozenset(change.path for change in done))

    def _settle(self) -> None:
        """Give the server time to write a cached copy back, which is then seen."""
        self.lease.progress(phase="letting the mail server settle")
        deadline = time.monotonic() + self.profile.settle_seconds
        while time.monotonic() < deadline:
            time.sleep(SETTLE_TURN_SECONDS)
            self.lease.check()

    def _expected(self, seen: NodeScan) -> Manifest:
        """What the node should hold from now on, as the baseline of the next look: all else there is an edit. What
        could not be written is not expected."""
        files = dict(seen.known.before.files) if seen.known.before else {}
        unwritten = self.state.blocked.keys() | {problem.path for problem in seen.problems}
        for path, wanted in seen.desired.files.items():
            if path in unwritten:
                continue
            files[path] = FileState(wanted.size, wanted.mtime_ns, wanted.sha256, None)
        return Manifest(files=files)

    def _is_open(self, change: Change) -> bool:
        """Whether there is still something to do. A server that rewrites the very same bytes does no harm."""
        return change.kind is not ChangeKind.TOUCH and change.path not in self.state.blocked

    def _judged(self, change: Change) -> Change:
        """A file that is back to what it was before is the server's cached copy, not an operator's edit."""
        before = self.state.first_found.get(change.path)
        back = (change.found.sha256 if change.found else None) == before and change.path in self.state.first_found
        return replace(change, conflict=False) if back else change

    def _waiting_for_semaphores(self, context: Context) -> TargetOutcome:
        name, where = context.profile.lock_semaphore, self.work.node.name
        text = f"{name} is present on {where}: semaphore processing is paused there. Remove it to go on."
        return TargetOutcome(TargetState.WAITING, error_code="semaphores_locked", error=text)

    def _outcome(self, context: Context, seen: NodeScan, changes: Sequence[Change]) -> TargetOutcome:
        before = seen.known.before.files if seen.known.before else {}
        proven = proven_files(seen, seen.known.before, folds_case=context.link.platform.folds_case)
        tree = self._tree(seen, proven)
        files = len(proven) + (self.job.files - len(before) if seen.known.within is not None else 0)
        held_root, behind = self._held(seen, proven)
        state, code, error = verdict_on(self.work, seen, self.state, changes)
        proof = Proof(
            node_id=self.work.node.pk,
            job_id=self.work.job.pk,
            snapshot_id=self.work.job.snapshot_id,
            tree=tree,
            files=files,
            held_root=held_root,
            behind=behind,
            edited=sum(change.conflict for change in changes),
            incomplete=error,
        )
        removed = self._remove_emptied(context, seen, before)
        remember(self.work.node.pk, sighting_of(seen, proven, tree, self.source))
        self.lease.boundary("proven")
        return TargetOutcome(
            state,
            evidence=self._evidence(seen, changes) | {"files_proven": files, "folders_removed": len(removed)},
            error_code=code,
            error=error,
            record=Proven(proof, verified=state is TargetState.VERIFIED),
        )

    def _tree(self, seen: NodeScan, proven: Mapping[RelPath, FileState]) -> NodeTree:
        """What is proven, in the store: few changes beside the tree of before, or a tree anew."""
        former, before = self.job.tree, seen.known.before
        if former is None or before is None or seen.known.within is None:
            return NodeTree(store_tree(Manifest(files=proven), self.store))
        changes = {path: proven.get(path) for path in seen.known.within if proven.get(path) != before.files.get(path)}
        if not changes:
            return former
        what = f"what was proven on {self.work.node.name}"
        changes = changes_left(former, self.store, self.lease, what) | changes
        if len(changes) <= MOST_CHANGES:
            return NodeTree(former.root, self.store.put(encode_changes(changes)))
        whole = left_at(former.root, self.store, self.lease, what)
        return NodeTree(store_tree(changed(whole, changes), self.store))

    def _remove_emptied(self, context: Context, seen: NodeScan, written: Collection[RelPath]) -> tuple[str, ...]:
        """Remove folders that came with files that replication wrote (`written`) and hold nothing more; those that were
        there before stay."""
        if seen.known.within is not None:
            return ()  # nothing was deleted
        own = origin_folders(self.work.node.pk, self.store)
        if own is None:
            return ()
        emptied = emptied_folders(
            seen.scan.folders,
            written=written,
            held=seen.scan.manifest.files,
            before=own,
            folds_case=context.link.platform.folds_case,
        )
        return remove_emptied(context, emptied)

    def _held(self, seen: NodeScan, proven: Mapping[RelPath, FileState]) -> tuple[str, int]:
        """The tree of the primary's files that are proven here ("": all of them), and how many are not."""
        absent, undeleted = lacking(seen, proven)
        if not absent and not undeleted:
            return "", 0
        before, wanted = held_by(self.work.node.pk, self.store), self.source.manifest.files
        held = held_after(wanted, before.files, absent, undeleted)
        return store_tree(Manifest(files=held), self.store), len(differing(wanted, held))

    def _evidence(self, seen: NodeScan, changes: Sequence[Change]) -> dict[str, object]:
        return evidence_of(self.work, seen, self.state, changes) | {"conflicts": self.edits.kept}


@dataclass(frozen=True, slots=True)
class Proven(BatchRecord):
    """What was proven on a node. `verified`: all of it, so that the node has joined."""

    proof: Proof
    verified: bool

    @classmethod
    def write_all(cls, records: Sequence[Proven]) -> None:
        """Write the baselines of many nodes."""
        record_baselines([one.proof for one in records])
        note_joined([one.proof.node_id for one in records if one.verified])


def _was_planned(change: Change, planned: Mapping[str, Change]) -> bool:
    """Whether an approved plan holds this change of this content over that content."""
    if change.kind is ChangeKind.TOUCH:
        return True  # the wanted content is there; the node's server only wrote its own copy back
    other = planned.get(change.path)
    if other is None or (change.wanted and change.wanted.sha256) != (other.wanted and other.wanted.sha256):
        return False
    return change.found is None or (other.found is not None and change.found.sha256 == other.found.sha256)


def _bytes(changes: Sequence[Change]) -> int:
    return sum(change.wanted.size for change in changes if change.wanted and change.kind is not ChangeKind.TOUCH)
