"""The swap: each file changes from old to new at one instant, and what it replaced is looked at afterwards.

Replacing: hard-link the old file to an undo name (copied where links fail), let the new one take its place by an
atomic rename, then compare the undo copy with what the plan saw: an edit that came late is kept. Adding: hard-link the
staged file to its place, which fails if something appeared there meanwhile; empty folders make room. Many new files
are linked by one command, which says what it could not link. Deleting: rename to the undo name. Groups are swapped in
their order, so that lists are in place before what names them.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from nodes.errors import (
    NodeError,
    OutputUnreadable,
    RemoteBusy,
    RemoteDenied,
    RemoteFileExists,
    RemoteFileMissing,
    Unsupported,
)
from nodes.remote.sftp import ANSWER_SECONDS
from replication.files.apply import names
from replication.files.apply.context import Context, Overwritten
from replication.files.apply.emptied import clear_folders
from replication.files.apply.refusals import why_blocked
from replication.files.apply.staging import Staged
from replication.files.apply.undo import Copy, look_at
from replication.files.core.batches import batches
from replication.files.core.changes import Change, ChangeKind
from replication.files.work_context import moving

BATCH = 64
"""Files swapped between two looks at the lease: well under a second of work."""

LOOKED_AT = 1000
"""Files swapped before what they replaced is looked at, by one command."""

WORDS = 64 * 1024
"""Bytes of a command's answer beside the names that are asked about: what a shell greets with, complaints."""

BUSY_TRIES = 4
BUSY_PAUSE_SECONDS = 0.5
"""A mail server holds a file open for moments only; after two seconds it is called blocked."""


@dataclass(slots=True)
class Swapped:
    """What came of the swaps; paths are relative. `undo`: copies that may be there, by what they are of, told before
    they are made; `looked`: those among them that may go."""

    done: list[str] = field(default_factory=list)
    blocked: dict[str, str] = field(default_factory=dict)
    edits: list[Overwritten] = field(default_factory=list)
    undo: dict[str, Change] = field(default_factory=dict)
    looked: set[str] = field(default_factory=set)


def swap(context: Context, changes: Sequence[Change], staged: Staged, swapped: Swapped) -> None:
    """Carry out all changes, group by group; what stays busy, or was refused a place, is reported as blocked, the rest
    goes on.

    Fills `swapped` as it goes, so that the caller can clean up after a failure. Raises the session's errors where the
    connection or the disk fails.
    """
    swapped.blocked |= staged.refused
    changes = [change for change in changes if change.path not in staged.refused]
    for _, group in groupby(changes, key=lambda change: (change.kind == ChangeKind.DELETE, change.group)):
        left = _link_trees(context, list(group), staged, swapped)
        for some in batches(left, LOOKED_AT):
            for batch in batches(some, BATCH):
                _swap_batch(context, batch, staged, swapped)
            _look_at_undo(context, swapped)
        context.guard.boundary("swapped-group")


def _link_trees(context: Context, changes: Sequence[Change], staged: Staged, swapped: Swapped) -> list[Change]:
    """Link whole trees of new files into place. Answers the changes that are still to be carried out, one by one."""
    trees: dict[str, list[Change]] = {}
    for change in changes:
        if change.path in staged.trees:
            trees.setdefault(staged.trees[change.path], []).append(change)
    left = [change for change in changes if change.path not in staged.trees]
    for tree, members in trees.items():
        unlinked = _unlinked(context, tree, members)
        done = [change.path for change in members if change.path not in unlinked]
        swapped.done += done
        left += [change for change in members if change.path in unlinked]
        context.guard.boundary("added")
        context.guard.progress(files=len(done))
    return left


def _unlinked(context: Context, tree: str, members: Sequence[Change]) -> set[str]:
    """Link a tree into place; the paths of its members that could not be linked."""
    context.guard.check()
    platform = context.link.platform
    command = platform.link_tree(context.link.root, tree)
    if command is None:
        raise OutputUnreadable("the platform has no command to link")
    line = platform.spell(command)
    most = WORDS + sum(len(change.path.encode()) + len("./\0") for change in members)
    result = context.link.session.run(line, timeout=ANSWER_SECONDS, max_output=most, progress=moving(context.guard))
    return platform.parse_unlinked(result)


def _swap_batch(context: Context, batch: Sequence[Change], staged: Staged, swapped: Swapped) -> None:
    waiting = list(batch)
    for attempt in range(BUSY_TRIES):
        if attempt:
            time.sleep(BUSY_PAUSE_SECONDS)
        context.guard.check()
        outcomes = _try(context, waiting, staged, swapped)
        waiting = []
        for change, error in outcomes:
            if error is None:
                swapped.done.append(change.path)
            elif isinstance(error, (RemoteBusy, RemoteDenied, RemoteFileExists)):
                waiting.append(change)
                swapped.blocked[change.path] = why_blocked(change.path, error)
            else:
                raise error
        if not waiting:
            break
    for path in swapped.done:
        swapped.blocked.pop(path, None)
    context.guard.progress(files=len(batch))


Outcomes = list[tuple[Change, NodeError | None]]


def _try(context: Context, changes: Sequence[Change], staged: Staged, swapped: Swapped) -> Outcomes:
    adds = [change for change in changes if change.kind == ChangeKind.ADD]
    updates = [change for change in changes if change.kind == ChangeKind.UPDATE]
    deletes = [change for change in changes if change.kind == ChangeKind.DELETE]
    touches = [change for change in changes if change.kind == ChangeKind.TOUCH]
    outcomes, late = _add(context, adds, staged)
    late, refused = clear_folders(context, late)
    outcomes += refused
    context.guard.boundary("added")
    outcomes += _replace(context, updates + late, staged, swapped)
    outcomes += _delete(context, deletes, swapped)
    outcomes += _touch(context, touches)
    return outcomes


def _add(context: Context, changes: Sequence[Change], staged: Staged) -> tuple[Outcomes, list[Change]]:
    """Link new files into place. The second value: places where something appeared meanwhile, to be replaced."""
    pairs = [(context.remote(staged.places[change.path]), context.remote(change.path)) for change in changes]
    results = context.link.session.link_many(pairs)
    if any(isinstance(result, Unsupported) for result in results):
        return [], list(changes)
    outcomes: Outcomes = []
    late: list[Change] = []
    for change, result in zip(changes, results, strict=True):
        if isinstance(result, RemoteFileExists | RemoteBusy | RemoteDenied):
            # something is there, or this volume has no hard links, which some servers report so
            late.append(change)
        else:
            outcomes.append((change, result))
    return outcomes, late


def _replace(context: Context, changes: Sequence[Change], staged: Staged, swapped: Swapped) -> Outcomes:
    ready, outcomes = _undo_copies(context, changes, swapped)
    context.guard.boundary("undo-copied")
    pairs = [(context.remote(staged.places[change.path]), context.remote(change.path)) for change in ready]
    results = context.link.session.replace_many(pairs)
    context.guard.boundary("replaced")
    return outcomes + list(zip(ready, results, strict=True))


def _undo_copies(context: Context, changes: Sequence[Change], swapped: Swapped) -> tuple[list[Change], Outcomes]:
    """Give each file that will be replaced a second name. A file that is gone needs none."""
    undo = _announce(context, changes, swapped)
    # what an earlier try left is a second name of a file that could not be replaced
    context.link.session.remove_many([context.remote(path) for path in undo])
    results = context.link.session.link_many(
        [(context.remote(change.path), context.remote(copy)) for change, copy in zip(changes, undo, strict=True)]
    )
    ready: list[Change] = []
    outcomes: Outcomes = []
    for change, copy, result in zip(changes, undo, results, strict=True):
        # some servers report a volume without hard links by a bare failure
        cannot_link = isinstance(result, Unsupported | RemoteBusy | RemoteDenied)
        error = _copied(context, change, copy) if cannot_link else result
        if isinstance(error, RemoteFileExists):
            # the copy of an earlier try cannot be removed: whoever holds the file open holds all its names
            error = RemoteBusy(error.detail)
        elif error is not None:
            swapped.undo.pop(copy)
        if error is None or isinstance(error, RemoteFileMissing):
            ready.append(change)
        else:
            outcomes.append((change, error))
    return ready, outcomes


def _announce(context: Context, changes: Sequence[Change], swapped: Swapped) -> list[str]:
    """The undo names of changes, noted before any of them is there: an act that is cut short may have made them."""
    undo = [names.undo_beside(context.tag, change.path) for change in changes]
    swapped.undo.update(zip(undo, changes, strict=True))
    swapped.looked.difference_update(undo)
    return undo


def _copied(context: Context, change: Change, copy: str) -> NodeError | None:
    """An undo copy by reading and writing, where the server has no hard links. It gets its name when it is whole: part
    of a file would pass for an edit."""
    session, place = context.link.session, context.remote(names.copying_beside(context.tag, change.path))
    try:
        chunks = session.read(context.remote(change.path), most=context.profile.file_bytes)
        session.write_new(place, chunks, progress=moving(context.guard))
    except (RemoteFileMissing, RemoteFileExists, RemoteBusy, RemoteDenied) as error:
        return error
    return session.replace_many([(place, context.remote(copy))])[0]


def _delete(context: Context, changes: Sequence[Change], swapped: Swapped) -> Outcomes:
    undo = _announce(context, changes, swapped)
    results = context.link.session.replace_many(
        [(context.remote(change.path), context.remote(copy)) for change, copy in zip(changes, undo, strict=True)]
    )
    outcomes: Outcomes = []
    for change, copy, result in zip(changes, undo, results, strict=True):
        missing = isinstance(result, RemoteFileMissing)
        if result is not None:
            swapped.undo.pop(copy)
        outcomes.append((change, None if missing else result))
    context.guard.boundary("deleted")
    return outcomes


def _touch(context: Context, changes: Sequence[Change]) -> Outcomes:
    items = [(context.remote(change.path), change.wanted.mtime_ns) for change in changes if change.wanted]
    return list(zip(changes, context.link.session.set_mtime_many(items), strict=True))


def _look_at_undo(context: Context, swapped: Swapped) -> None:
    """Keep what the copies of replaced files hold of an edit that came between the plan and the swap. Raises what
    keeps a copy from being read."""
    done = set(swapped.done)
    copies = [copy for copy, change in swapped.undo.items() if copy not in swapped.looked and change.path in done]
    for error in _look(context, copies, swapped).values():
        raise error


def look_at_rest(context: Context, swapped: Swapped) -> None:
    """Look at the copies nobody has looked at, as a swap that was cut short leaves them. One that cannot be read
    stays. Raises the session's errors."""
    for copy, error in _look(context, swapped.undo.keys() - swapped.looked, swapped).items():
        context.guard.event("warning", "leftovers.kept", f"{copy} stays for the next run: {error}")


def _look(context: Context, undo: Collection[str], swapped: Swapped) -> Mapping[str, NodeError]:
    """Look at some of the copies and note what they held; answer those that could not be read."""
    looked = look_at(context, {copy: _copy_of(swapped.undo[copy]) for copy in undo})
    for edit in looked.edits:
        text = f"{edit.path} was edited on the node while it was being replaced."
        context.guard.event("warning", "edit.late", text)
    swapped.edits += looked.edits
    swapped.looked |= set(undo) - looked.unread.keys()
    return looked.unread


def _copy_of(change: Change) -> Copy:
    known = {state.sha256 for state in (change.found, change.wanted) if state is not None}
    return Copy(change.path, known, change.found.size if change.found else None)
