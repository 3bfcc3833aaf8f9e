"""Give one node back what it had: the walk of a replication, with the node's own past as what is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nodes.lifecycle.services.joining import note_left
from nodes.products.profile import Profile
from replication.configuration.job.earlier import earlier_trees, edited_since, without_given
from replication.configuration.job.evidence import SHOWN, verdict_on
from replication.configuration.job.looking import Known, NodeJob, NodeScan, origin_on, proven_on
from replication.configuration.job.source import Source
from replication.configuration.job.target import NodeRun
from replication.configuration.services.history import forget_node_history
from replication.files.apply.context import Context
from replication.files.apply.semaphores import semaphores_owed
from replication.files.core.changes import Change, ChangeKind
from replication.files.core.manifest import Manifest
from replication.jobs.core.states import TargetState
from replication.jobs.runner import TargetOutcome, TargetWork
from replication.membership.leave_job.comparison import LookedBack, Remembered, look_back
from replication.objects import Store


def left(node_id: int) -> None:
    """Write that a node has left. Runs in the transaction of its proof."""
    note_left(node_id)
    forget_node_history(node_id)


class LeaveRun(NodeRun):
    """One node's way out. Only looking, proving and the end differ from a replication."""

    def __init__(self, work: TargetWork, profile: Profile, store: Store, job: NodeJob, remembered: Remembered) -> None:
        self._remembered = remembered
        super().__init__(work, profile, store, job)
        self._last: LookedBack | None = None

    def _source(self) -> Source:
        return Source("", self._remembered.past.origin, self.profile)

    def _first_look(self, context: Context) -> NodeScan:
        before = proven_on(self.job, self.source, self.store, self.lease)
        seen = self._look(context, before, before)
        origin = origin_on(self.job, self.source, self.store)
        if origin is None:
            return seen
        changes, trees = edited_since(seen.changes, origin), earlier_trees(self.work.node)
        changes = without_given(changes, trees, self.store, lambda _, then, now: then == now, self.lease)
        return replace(seen, changes=changes)

    def _look_again(self, context: Context, seen: NodeScan, done: Sequence[Change]) -> NodeScan:
        return self._look(context, self._expected(seen), seen.known.before)

    def _look(self, context: Context, expected: Manifest | None, before: Manifest | None) -> NodeScan:
        self._last = look_back(context.link, self.work.node, self.profile, self._remembered, expected, self.lease)
        return replace(self._last.seen, known=Known(expected, Manifest(), before))

    def _remember_origin(self, seen: NodeScan) -> None:
        """It is known, or nothing was ever written."""

    def _owed(self, context: Context, seen: NodeScan) -> tuple[str, ...]:
        """Semaphores for what an earlier try gave back without living to tell the server."""
        if self._last is None or seen.known.before is None:
            return ()
        folds_case = context.link.platform.folds_case
        ours = {path.key(folds_case=folds_case) for path in self._last.former.ours.files}
        wanted = seen.desired.files.items()
        mine = {path: content for path, content in wanted if path.key(folds_case=folds_case) in ours}
        return semaphores_owed(
            context.profile,
            told=seen.known.before,
            wanted=mine,
            actual=seen.scan.manifest,
            folds_case=folds_case,
        )

    def _outcome(self, context: Context, seen: NodeScan, changes: Sequence[Change]) -> TargetOutcome:
        state, code, error = verdict_on(self.work, seen, self.state, changes)
        verified = state is TargetState.VERIFIED
        ours = self._last.former.ours.files if self._last else ()
        removed = self._remove_emptied(context, seen, ours) if verified else ()
        self.lease.boundary("proven")
        node_id = self.work.node.pk
        return TargetOutcome(
            state,
            evidence=self._evidence(seen, changes) | self._given_back(seen, removed),
            error_code=code,
            error=error,
            record=(lambda: left(node_id)) if verified else None,
        )

    def _given_back(self, seen: NodeScan, removed: Sequence[str]) -> dict[str, object]:
        kinds = [change.kind for change in self.work.node_plan.steps if change.path in self.state.done]
        then = self._last.former if self._last else None
        return {
            "files_proven": len(seen.desired.files),
            "files_restored": sum(kind in (ChangeKind.ADD, ChangeKind.UPDATE) for kind in kinds),
            "files_removed": kinds.count(ChangeKind.DELETE),
            "folders_removed": len(removed),
            "stays": [*seen.extras][:SHOWN],
            "edited_since": [*then.edited][:SHOWN] if then else [],
            "missing": [*then.missing][:SHOWN] if then else [],
        }
