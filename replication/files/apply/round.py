"""One round on a node, the same for every kind that writes files: keep, stage, swap, clean up, tell the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nodes.counted import many
from nodes.errors import NodeError
from nodes.leases.errors import Interrupted, LeaseLost
from replication.files.apply.context import Context, Keep
from replication.files.apply.keep import keep_found
from replication.files.apply.semaphores import Told, semaphores_for, tell
from replication.files.apply.staging import Staged, clean_up, stage
from replication.files.apply.swap import Swapped, look_at_rest, swap
from replication.files.core.changes import Change, in_turns
from replication.files.work_context import WorkContext


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to. `done`: paths that are as wanted now. `blocked`: paths that are held open, with why."""

    done: tuple[str, ...] = ()
    blocked: Mapping[str, str] = field(default_factory=dict)
    told: Told = field(default_factory=Told)


def apply_round(context: Context, changes: Sequence[Change], *, keep: Keep, owed: Sequence[str] = ()) -> Round:
    """Carry out changes on a node; what holds the place of something new goes first. `owed`: semaphores for what an
    earlier try put in place without telling the server, which is told once, at the end.

    Whatever goes wrong, no temporary file stays, but what was replaced and could not be looked at any more, and after
    a lost lease: nothing is touched then. The next owner sweeps what carries an older fence. Raises NodeError and the
    guard's interruptions.
    """
    done: list[str] = []
    blocked: dict[str, str] = {}
    for turn in in_turns(changes, folds_case=context.link.platform.folds_case):
        swapped = _take_turn(context, turn, keep)
        done += swapped.done
        blocked |= swapped.blocked
    told = tell(context, sorted({*semaphores_for(changes, done), *owed}))
    return Round(tuple(done), blocked, told)


def _take_turn(context: Context, changes: Sequence[Change], keep: Keep) -> Swapped:
    keep(keep_found(context, changes))
    context.guard.boundary("kept")
    staged, swapped = Staged(), Swapped()
    try:
        _write(context, changes, staged, swapped)
    except LeaseLost:
        raise
    except BaseException:
        _finish(context, staged, swapped, keep)
        raise
    _finish(context, staged, swapped, keep)
    return swapped


def _write(context: Context, changes: Sequence[Change], staged: Staged, swapped: Swapped) -> None:
    context.guard.progress(phase=f"sending {many(len(changes), 'change')}")
    stage(context, changes, staged)
    context.guard.progress(phase="putting files in place")
    swap(context, changes, staged, swapped)


def _finish(context: Context, staged: Staged, swapped: Swapped, keep: Keep) -> None:
    """Look at what was replaced and nobody has looked at, write late edits down, and only then let the copies go. Who
    was told to stop may still do this, as long as the lease is theirs."""
    context = replace(context, guard=_Finishing(context.guard))
    try:
        look_at_rest(context, swapped)
    except NodeError as error:
        text = f"What was replaced could not be looked at and stays for the next run: {error}"
        context.guard.event("warning", "leftovers.kept", text)
    keep(swapped.edits)
    context.guard.boundary("edits-kept")
    context.guard.check()
    try:
        clean_up(context, staged, sorted(swapped.looked), swapped.done)
    except NodeError as error:
        context.guard.event("warning", "leftovers.kept", f"Temporary files stay for the next run: {error}")
    context.guard.boundary("cleaned")


class _Finishing:
    """The guard of a round that ends: nothing but a lost lease stops it any more."""

    def __init__(self, guard: WorkContext) -> None:
        self._guard = guard
        self.progress, self.event, self.boundary = guard.progress, guard.event, guard.boundary

    def check(self) -> None:
        try:
            self._guard.check()
        except LeaseLost:
            raise
        except Interrupted:
            self._guard.progress()
