"""What one target's run came to: the verdict, the files that are proven, and the evidence of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nodes.counted import some
from replication.configuration.job.looking import NodeScan
from replication.files.apply.round import Round
from replication.files.apply.semaphores import Told
from replication.files.core.changes import Change
from replication.files.core.compare import IN_THE_WAY
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath
from replication.jobs.core.states import TargetState
from replication.jobs.runner import TargetWork

SHOWN = 50
"""Names in the evidence; the counts are of all."""

Verdict = tuple[TargetState, str, str]
"""State, error code and sentence."""


@dataclass(slots=True)
class TargetProgress:
    """What has been done on the node so far, over all rounds."""

    done: set[str] = field(default_factory=set)
    blocked: dict[str, str] = field(default_factory=dict)
    told: Told = field(default_factory=Told)
    first_found: dict[str, str | None] = field(default_factory=dict)

    def add(self, one: Round) -> None:
        """Count what one more round came to."""
        self.done.update(one.done)
        self.blocked = dict(one.blocked)
        self.told = Told(
            dropped=tuple(dict.fromkeys(self.told.dropped + one.told.dropped)),
            taken=tuple(dict.fromkeys(self.told.taken + one.told.taken)),
            locked=one.told.locked,
        )


def verdict_on(work: TargetWork, seen: NodeScan, state: TargetProgress, changes: Sequence[Change]) -> Verdict:
    """How the target ends. `changes`: what is still to be done after the last round."""
    if changes:
        text = f"The node's own server overwrote {_some([change.path for change in changes])} again and again."
        return TargetState.CONTENDED, "contended", text
    if held := _held(seen, state):
        text = f"Blocked on the node: {_some(held)}: {next(iter(held.values()))}. The next run tries again."
        return TargetState.BLOCKED, "blocked", text
    problems = [*work.plan.problems, *seen.problems]
    if problems:
        names = _some([one.path for one in problems])
        text = f"All other files are proven; not handled: {names} ({problems[0].words})."
        return TargetState.FAILED, "incomplete", text
    return TargetState.VERIFIED, "", ""


def evidence_of(
    work: TargetWork, seen: NodeScan, state: TargetProgress, changes: Sequence[Change]
) -> dict[str, object]:
    """What every target's page shows of its run, beside what is its kind's own."""
    return {
        "files_changed": len(state.done),
        "files_hashed": seen.scan.read,
        "extras": len(seen.extras),
        "semaphores": list(state.told.dropped),
        "semaphores_taken": list(state.told.taken),
        "blocked": dict(list(_held(seen, state).items())[:SHOWN]),
        "contended": [change.path for change in changes][:SHOWN],
        "problems": [[one.path, one.code, one.detail] for one in seen.problems][:SHOWN],
        "restart_pending": sorted(_restarts(work, state)),
    }


def proven_files(seen: NodeScan, baseline: Manifest | None, *, folds_case: bool) -> Mapping[RelPath, FileState]:
    """The files that are now known to be as they should, with the node's own times; others keep their old baseline."""
    actual = {path.key(folds_case=folds_case): state for path, state in seen.scan.manifest.files.items()}
    proven = {}
    for path, wanted in seen.desired.files.items():
        state = actual.get(path.key(folds_case=folds_case))
        if state is not None and state.sha256 == wanted.sha256 and not state.stale:
            proven[path] = state
        elif baseline and path in baseline.files:
            proven[path] = baseline.files[path]
    for path, state in (baseline.files if baseline else {}).items():
        if path not in seen.desired.files and path.key(folds_case=folds_case) in actual:
            proven[path] = state  # a deletion that was blocked
    return proven


def lacking(seen: NodeScan, proven: Mapping[RelPath, FileState]) -> tuple[frozenset[RelPath], frozenset[RelPath]]:
    """Of the primary's files, those that are not proven to be there as they should; and those that should be gone and
    are not."""
    stuck = {problem.path for problem in seen.problems}
    absent = {
        path
        for path, wanted in seen.desired.files.items()
        if path in stuck or (state := proven.get(path)) is None or state.sha256 != wanted.sha256
    }
    return frozenset(absent), frozenset(proven.keys() - seen.desired.files.keys())


def _held(seen: NodeScan, state: TargetProgress) -> dict[str, str]:
    """Files that another program would not let be replaced, or not even be read, and those that what is not ours
    stands in the place of."""
    return {one.path: one.detail for one in seen.problems if one.code in ("locked", IN_THE_WAY)} | state.blocked


def _restarts(work: TargetWork, state: TargetProgress) -> set[str]:
    done = (change for change in work.node_plan.steps if change.path in state.done)
    return {change.effect for change in done if change.effect.startswith("restart")}


def _some(paths: Iterable[str]) -> str:
    return some([repr(path) for path in paths], 3)
