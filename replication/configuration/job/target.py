"""Bring one secondary to the snapshot and prove it: look, keep, stage, swap, tell, settle, look again."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from nodes.connection.connect import open_node
from nodes.lifecycle.services.joining import note_joined
from nodes.products.profile import Profile
from replication.configuration.core.held import differing, held_after
from replication.configuration.job.conflicts import EditKeeper
from replication.configuration.job.earlier import not_given
from replication.configuration.job.evidence import (
    TargetProgress,
    evidence_of,
    lacking,
    proven_files,
    verdict_on,
)
from replication.configuration.job.loading import (
    held_by,
    manifest_at,
    origin_of,
)
from replication.configuration.job.planning import (
    NodeScan,
    look,
    node_job,
    spelled,
    store_tree,
)
from replication.configuration.services.history import Proof, record_baseline, record_origin
from replication.files.apply.context import Context, Overwritten
from replication.files.apply.emptied import remove_emptied
from replication.files.apply.leftovers import sweep
from replication.files.apply.round import apply_round
from replication.files.apply.semaphores import semaphores_owed
from replication.files.core.changes import Change, ChangeKind, PrimaryFiles
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath, emptied_folders
from replication.jobs.core.states import TargetState
from replication.jobs.runner import TargetOutcome, TargetWork
from replication.objects import Store

SETTLE_TURN_SECONDS = 0.2
"""How often a settling wait looks whether it must stop."""


class NodeRun:
    """One target's run. Holds what every step needs; each step is a method that reads like the walk."""

    def __init__(self, work: TargetWork, profile: Profile, store: Store) -> None:
        self.work = work
        self.profile = profile
        self.store = store
        self.lease = work.lease
        self.snapshot = self._source()
        self.job = spelled(node_job(work.node, store, work.lease), self.snapshot)
        self.edits = EditKeeper(work, profile, store, self.job.baseline)
        self.state = TargetProgress()

    def run(self) -> TargetOutcome:
        """The whole walk. Raises nodes.errors and the lease's interruptions."""
        with open_node(self.work.node) as link:
            context = Context(link, self.profile, self.store, self.lease, self._tag())
            seen = self._look(context, self.job.baseline)
            self.lease.boundary("looked")
            self._sweep(context, seen)
            self.lease.boundary("swept")
            refusal = self._departure(seen.changes)
            if refusal:
                return TargetOutcome(TargetState.HALTED, error_code="plan_outdated", error=refusal)
            self._remember_origin(seen)
            self.lease.boundary("origin-kept")
            return self._rounds(context, seen)

    def _source(self) -> Manifest:
        """What the node is brought to."""
        files: PrimaryFiles = self.work.plan.detail
        return manifest_at(files.snapshot_root, self.store)

    def _tag(self) -> str:
        return f"{self.work.target.pk}.{self.lease.fence}"

    def _look(self, context: Context, baseline: Manifest | None) -> NodeScan:
        job = replace(self.job, baseline=baseline)
        return look(context.link, job, self.profile, self.snapshot, self.store, self.lease)

    def _sweep(self, context: Context, seen: NodeScan) -> None:
        if seen.scan.leftovers:
            before = self.job.baseline or origin_of(self.work.node.pk, self.store)
            known = self.edits.known(before.files, seen.desired.files)
            sweep(context, seen.scan.leftovers, known, self._keep_left)

    def _keep_left(self, edits: Sequence[Overwritten]) -> None:
        """Write down what an earlier owner's copies held, but for what replication gave before."""
        contents = {(edit.path, edit.content) for edit in edits}
        left = not_given(contents, self.job.earlier, self.store, self.lease)
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
            f"{len(strange)} files on the node changed since the plan was approved, the first: {strange[0]!r}. "
            "Nothing was written. Plan again."
        )

    def _remember_origin(self, seen: NodeScan) -> None:
        if self.job.baseline is None:
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
            seen = self._look(context, self._expected(seen))
            changes = [self._judged(change) for change in seen.changes if self._is_open(change)]
            self.lease.boundary("settled")
        return self._outcome(context, seen, changes)

    def _owed(self, context: Context, seen: NodeScan) -> tuple[str, ...]:
        """Semaphores for what an earlier try put in place, but died, or was paused, before it told the server."""
        told = self.job.baseline or origin_of(self.work.node.pk, self.store)
        folds_case = context.link.platform.folds_case
        return semaphores_owed(
            context.profile, told=told, wanted=seen.desired.files, actual=seen.scan.manifest, folds_case=folds_case
        )

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
        files = dict(self.job.baseline.files) if self.job.baseline else {}
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
        proven = proven_files(seen, self.job.baseline, folds_case=context.link.platform.folds_case)
        root = store_tree(Manifest(files=proven), self.store)
        held_root, behind = self._held(seen, proven)
        proof = Proof(
            node_id=self.work.node.pk,
            job_id=self.work.job.pk,
            snapshot_id=self.work.job.snapshot_id,
            root=root,
            files=len(proven),
            held_root=held_root,
            behind=behind,
            edited=sum(change.conflict for change in changes),
        )
        state, code, error = verdict_on(self.work, seen, self.state, changes)
        removed = self._remove_emptied(context, seen, self.job.baseline.files if self.job.baseline else ())
        self.lease.boundary("proven")
        return TargetOutcome(
            state,
            evidence=self._evidence(seen, changes) | {"files_proven": len(proven), "folders_removed": len(removed)},
            error_code=code,
            error=error,
            record=lambda: _write(proof, verified=state is TargetState.VERIFIED),
        )

    def _remove_emptied(self, context: Context, seen: NodeScan, written: Collection[RelPath]) -> tuple[str, ...]:
        """Remove folders that came with files that replication wrote (`written`) and hold nothing more; those that were
        there before stay."""
        if self.job.own_folders is None:
            return ()
        emptied = emptied_folders(
            seen.scan.folders,
            written=written,
            held=seen.scan.manifest.files,
            before=self.job.own_folders,
            folds_case=context.link.platform.folds_case,
        )
        return remove_emptied(context, emptied)

    def _held(self, seen: NodeScan, proven: Mapping[RelPath, FileState]) -> tuple[str, int]:
        """The tree of the primary's files that are proven here ("": all of them), and how many are not."""
        absent, undeleted = lacking(seen, proven)
        if not absent and not undeleted:
            return "", 0
        before = held_by(self.work.node.pk, self.store)
        held = held_after(self.snapshot.files, before.files, absent, undeleted)
        return store_tree(Manifest(files=held), self.store), len(differing(self.snapshot.files, held))

    def _evidence(self, seen: NodeScan, changes: Sequence[Change]) -> dict[str, object]:
        return evidence_of(self.work, seen, self.state, changes) | {"conflicts": self.edits.kept()}


def _write(proof: Proof, *, verified: bool) -> None:
    record_baseline(proof)
    if verified:
        note_joined(proof.node_id)


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
