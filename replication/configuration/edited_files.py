"""Files of one node that a person approved line by line: swept, looked at, remembered, written, read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nodes.connection.reader import Reader
from nodes.facts.core import barred
from replication.configuration.job.conflicts import EditKeeper
from replication.files.apply.context import Context
from replication.files.apply.leftovers import entries_in, sweep
from replication.files.apply.names import parse
from replication.files.apply.round import apply_round
from replication.files.core.changes import Change, Wanted
from replication.files.core.paths import RelPath
from replication.files.edits import digest
from replication.jobs.core.states import TargetState
from replication.jobs.runner import TargetOutcome, TargetWork

Remember = Callable[[Mapping[RelPath, bytes]], None]
"""Keeps what will be given back one day; gets the files that are about to be changed, as they are."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """The approved bytes, read from the node after they were written, and the semaphores that its server took."""

    files: Mapping[RelPath, bytes]
    taken: tuple[str, ...]


class EditedFiles:
    """One try at a target's steps, which all update a file. Each may be the last of a try, and the next begins
    anew."""

    def __init__(self, context: Context, work: TargetWork) -> None:
        self.context, self.work = context, work
        self.reader = Reader(context.link)
        self.changes: tuple[Change, ...] = work.node_plan.steps
        self._edits = EditKeeper(work, context.profile, context.store, lambda _: None)

    def write(self, remember: Remember) -> ReadBack | TargetOutcome:
        """From the look to the bytes that were read back; else how the try ended. Raises NodeError and the guard's
        interruptions."""
        shut = next(filter(None, (barred(change.path, self.context.profile) for change in self.changes)), "")
        if shut:
            return _outdated(f"Since the plan was made, {shut}")
        self._sweep()
        there = {change.path: self.reader.file(change.path) for change in self.changes}
        strange = [change.path for change in self.changes if digest(there[change.path]) not in _expected(change)]
        if strange:
            return _outdated(f"{strange[0]} changed since the plan was made")
        left = [change for change in self.changes if digest(there[change.path]) != wanted_of(change).sha256]
        remember({change.path: there[change.path] for change in left})
        self.work.lease.boundary("edits-remembered")
        owed = sorted({change.semaphore for change in self.changes if change.semaphore and change not in left})
        came = apply_round(self.context, left, keep=self._edits.record, owed=owed)
        if came.blocked:
            text = f"Held open: {', '.join(sorted(came.blocked))}."
            return TargetOutcome(TargetState.BLOCKED, error_code="blocked", error=text)
        return self._read_back(tuple(came.told.taken))

    def _sweep(self) -> None:
        """What an earlier try left beside its files goes; an edit in it is kept."""
        folders = sorted({change.path.folder for change in self.changes})
        beside = [name for folder in folders for name in entries_in(self.context, folder) if parse(name)]
        if beside:
            seen = {change.path: change.found for change in self.changes if change.found}
            known = self._edits.known(seen, {change.path: wanted_of(change) for change in self.changes})
            sweep(self.context, beside, known, self._edits.record)
        self.work.lease.boundary("edits-swept")

    def _read_back(self, taken: tuple[str, ...]) -> ReadBack | TargetOutcome:
        files = {change.path: self.reader.file(change.path) for change in self.changes}
        for change in self.changes:
            if digest(files[change.path]) != wanted_of(change).sha256:
                text = f"{change.path} was changed again by the node's own server."
                return TargetOutcome(TargetState.CONTENDED, error_code="contended", error=text)
        return ReadBack(files, taken)


def _outdated(what: str) -> TargetOutcome:
    text = f"{what}. Nothing was written. Plan again."
    return TargetOutcome(TargetState.HALTED, error_code="plan_outdated", error=text)


def _expected(change: Change) -> tuple[str, ...]:
    """What may be there: what the plan saw, or, after a worker's death, what it wants."""
    return (wanted_of(change).sha256, *((change.found.sha256,) if change.found else ()))


def wanted_of(change: Change) -> Wanted:
    """What an update wants."""
    if change.wanted is None:
        raise ValueError(f"{change.path}: this kind of job only updates files")
    return change.wanted
