"""The primary's part: remember, write exactly what was approved, tell the server, read back."""

from __future__ import annotations

from collections.abc import Sequence

from nodes.connection.reader import Reader
from nodes.facts.core import FeatureSetting, barred
from nodes.facts.feature_settings import read_switches, switches_in
from nodes.facts.selectors.facts import features_of
from nodes.facts.services.feature_memory import Switched, remember
from nodes.products.ini import IniDocument
from replication.clustering.core.features import OFF
from replication.clustering.feature_job.edits import digest
from replication.clustering.services.disabling import note_given
from replication.configuration.job.conflicts import EditKeeper
from replication.files.apply.context import Context
from replication.files.apply.leftovers import entries_in, sweep
from replication.files.apply.names import parse
from replication.files.apply.round import apply_round
from replication.files.core.changes import Change, Wanted
from replication.jobs.core.states import TargetState
from replication.jobs.runner import TargetOutcome, TargetWork


class FeaturesRun:
    """One try. Each step is a method; any may be the last of a try, and the next begins anew."""

    def __init__(self, context: Context, work: TargetWork) -> None:
        self.context, self.work = context, work
        self.reader = Reader(context.link)
        self.edits = EditKeeper(work, context.profile, context.store, lambda _: None)
        self.rules = features_of(work.job.cluster, context.profile)
        self.off = work.job.options["to"] == OFF

    def run(self) -> TargetOutcome:
        """From the look to the proof."""
        changes = self.work.node_plan.steps
        shut = next(filter(None, (barred(change.path, self.context.profile) for change in changes)), "")
        if shut:
            text = f"Since the plan was made, {shut}. Nothing was written. Plan again."
            return TargetOutcome(TargetState.HALTED, error_code="plan_outdated", error=text)
        self._sweep(changes)
        there = {change.path: self.reader.file(change.path) for change in changes}
        strange = [change.path for change in changes if digest(there[change.path]) not in _expected(change)]
        if strange:
            text = f"{strange[0]} changed since the plan was made. Nothing was written. Plan again."
            return TargetOutcome(TargetState.HALTED, error_code="plan_outdated", error=text)
        left = [change for change in changes if digest(there[change.path]) != _wanted(change).sha256]
        if self.off:
            self._remember([one for change in left for one in self._on(change.path, there[change.path])])
        self.work.lease.boundary("features-remembered")
        owed = sorted({change.semaphore for change in changes if change.semaphore and change not in left})
        came = apply_round(self.context, left, keep=self.edits.record, owed=owed)
        if came.blocked:
            text = f"Held open: {', '.join(sorted(came.blocked))}."
            return TargetOutcome(TargetState.BLOCKED, error_code="blocked", error=text)
        return self._proven(came.told.taken)

    def _sweep(self, changes: Sequence[Change]) -> None:
        """What an earlier try left beside its files goes; an edit in it is kept."""
        folders = sorted({change.path.folder for change in changes})
        beside = [name for folder in folders for name in self._leftovers(folder)]
        if beside:
            seen = {change.path: change.found for change in changes if change.found}
            known = self.edits.known(seen, {change.path: _wanted(change) for change in changes})
            sweep(self.context, beside, known, self.edits.record)
        self.work.lease.boundary("features-swept")

    def _leftovers(self, folder: str) -> list[str]:
        return [path for path in entries_in(self.context, folder) if parse(path)]

    def _on(self, path: str, content: bytes) -> list[FeatureSetting]:
        document = IniDocument.parse(content)
        rules = [rule for rule in self.rules if rule.key and rule.path == path]
        found = [switch for rule in rules for switch in switches_in(rule, document)]
        return [switch for switch in found if switch.is_on]

    def _remember(self, switches: Sequence[FeatureSetting]) -> None:
        with self.work.lease.transaction():
            remember(node_id=self.work.node.pk, job_number=self.work.job.pk, switches=switches)

    def _proven(self, taken: Sequence[str]) -> TargetOutcome:
        """Read back: the bytes are those approved, and the switches stand as they should."""
        changes = self.work.node_plan.steps
        for change in changes:
            if digest(self.reader.file(change.path)) != _wanted(change).sha256:
                text = f"{change.path} was changed again by the node's own server."
                return TargetOutcome(TargetState.CONTENDED, error_code="contended", error=text)
        switches = read_switches(self.reader, self.rules)
        self.work.lease.boundary("features-proven")
        done = Switched(self.work.job.pk, off=self.off, changed=True, read_back=switches)
        return TargetOutcome(
            TargetState.VERIFIED,
            evidence={
                "switches": [one.in_words for one in switches],
                "semaphores_taken": list(taken),
                "files_proven": len(changes),
            },
            record=lambda: note_given(self.work.node, done),
        )


def _expected(change: Change) -> tuple[str, ...]:
    """What may be there: what the plan saw, or, after a worker's death, what it wants."""
    return (_wanted(change).sha256, *((change.found.sha256,) if change.found else ()))


def _wanted(change: Change) -> Wanted:
    if change.wanted is None:
        raise ValueError(f"{change.path}: this kind of job only updates files")
    return change.wanted
