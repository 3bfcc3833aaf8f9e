"""One round on a node, the same for every kind that writes files: keep, stage, swap, clean up, tell the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nodes.errors import NodeError
from nodes.leases.errors import LeaseLost
from replication.files.apply.context import Context, Overwritten
from replication.files.apply.keep import keep_found
from replication.files.apply.semaphores import Told, semaphores_for, tell
from replication.files.apply.staging import Staged, clean_up, stage
from replication.files.apply.swap import Swapped, swap
from replication.files.core.changes import Change

Keep = Callable[[Sequence[Overwritten]], None]
"""Writes edits down that were made on the node; in vain where the lease was lost, then it raises LeaseLost."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to. `done`: paths that are as wanted now. `blocked`: paths that are held open, with why."""

    done: tuple[str, ...] = ()
    blocked: Mapping[str, str] = field(default_factory=dict)
    told: Told = field(default_factory=Told)


def apply_round(context: Context, changes: Sequence[Change], *, keep: Keep, owed: Sequence[str] = ()) -> Round:
    """Carry out changes on a node. `owed`: semaphores for what an earlier try put in place without telling the server.

    Whatever goes wrong, no temporary file stays, but for a lost lease: nothing is touched then, the next owner sweeps
    what carries an older fence. Raises NodeError and the guard's interruptions.
    """
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
    told = tell(context, sorted({*semaphores_for(changes, swapped.done), *owed}))
    return Round(tuple(swapped.done), swapped.blocked, told)


def _write(context: Context, changes: Sequence[Change], staged: Staged, swapped: Swapped) -> None:
    context.guard.progress(phase=f"sending {len(changes)} changes")
    stage(context, changes, staged)
    context.guard.progress(phase="putting files in place")
    swap(context, changes, staged, swapped)


def _finish(context: Context, staged: Staged, swapped: Swapped, keep: Keep) -> None:
    """Write late edits down before the copies that hold them go."""
    keep(swapped.edits)
    context.guard.boundary("edits-kept")
    try:
        clean_up(context, staged, swapped.undo, swapped.done)
    except NodeError as error:
        context.guard.event("warning", "leftovers.kept", f"Temporary files stay for the next run: {error}")
    context.guard.boundary("cleaned")
