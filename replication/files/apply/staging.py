"""Bring the wanted content onto the node under temporary names, and prove that it arrived.

Few files, and a few of the node's own, go one by one beside their targets. Many go as one gzip stream, built once for
all nodes, into a folder on the same volume, where the node can unpack it: new ones in trees that look as they shall
look under the root, so that each tree can be linked there by one command. Either way every staged file is hashed before
any swap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings

from nodes.counted import many
from nodes.errors import CommandFailed, NodeError, NoSpace, OutputUnreadable, RemoteDenied, RemoteFileExists
from replication.files.apply import names
from replication.files.apply.bundles import Item, bundle_of, sending
from replication.files.apply.context import Context
from replication.files.apply.keep import digests_of
from replication.files.apply.leftovers import remove_folder, remove_staging
from replication.files.apply.refusals import why_blocked
from replication.files.core.batches import AT_ONCE, batches
from replication.files.core.changes import Change, ChangeKind, Wanted
from replication.files.core.compare import settable
from replication.files.core.paths import RelPath, folders_above
from replication.files.work_context import moving

MANY = 24
"""From this many files on, one stream is faster than one transfer each (about three round trips a file)."""

LINKED = 1000
"""New files linked by one command: between two looks at the lease, within an operation's time on a slow disk."""


@dataclass(slots=True)
class Staged:
    """Relative temporary path of each change's content, and the folder that many were unpacked into. `trees`: by path,
    the tree there (relative) in which it stands under its own path. `made`: folders that were missing, outermost first.
    `refused`: paths that have no place on the node, with why."""

    places: dict[str, str] = field(default_factory=dict)
    trees: dict[str, str] = field(default_factory=dict)
    folder: str | None = None
    made: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


class StagedWrong(CommandFailed):
    """What arrived on the node is not what was sent."""

    code = "staged_wrong"
    retryable = True


def stage(context: Context, changes: Sequence[Change], staged: Staged) -> None:
    """Stage the content of all adds and updates. Fills `staged` as it goes, so that the caller can clean up after a
    failure. What the node refuses a place is left out by name. Raises NoSpace, StagedWrong and the session's errors."""
    sending = [change for change in changes if change.kind in (ChangeKind.ADD, ChangeKind.UPDATE) and change.wanted]
    _make_folders(context, sending, staged)
    sending = _not_refused(sending, staged)
    context.guard.boundary("folders-made")
    if streamed := _streamed(context, sending):
        _stage_stream(context, streamed, staged)
    alone = [change for change in sending if change.path not in staged.places]
    _stage_one_by_one(context, alone, staged)
    _set_times(context, _not_refused(alone, staged), staged)
    sending = _not_refused(sending, staged)
    context.guard.boundary("staged")
    _verify(context, sending, staged)
    context.guard.boundary("staged-verified")


def _make_folders(context: Context, changes: Sequence[Change], staged: Staged) -> None:
    top = context.remote("")
    inside: dict[str, list[RelPath]] = {}
    for change in changes:
        inside.setdefault(change.path.folder, []).append(change.path)
    for batch in batches(sorted(inside.keys() - {""}), AT_ONCE):
        context.guard.check()
        outcomes = context.link.session.make_folders_many([context.remote(folder) for folder in batch])
        made = [level for outcome in outcomes if not isinstance(outcome, NodeError) for level in outcome]
        staged.made += [level.removeprefix(top) for level in made if level.startswith(top)]
        for folder, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, RemoteDenied | RemoteFileExists):
                staged.refused |= {path: why_blocked(path, outcome) for path in inside[folder]}
            elif isinstance(outcome, NodeError):
                raise outcome


def _not_refused(changes: Sequence[Change], staged: Staged) -> list[Change]:
    return [change for change in changes if change.path not in staged.refused]


def _streamed(context: Context, changes: Sequence[Change]) -> list[Change]:
    """The changes whose content travels in one stream: many, and without a few that are this node's own, so that the
    stream serves all nodes."""
    if not context.link.capabilities.can_untar or len(changes) < MANY:
        return []
    shared = [change for change in changes if _wanted(change).shared]
    few_own = len(changes) - len(shared) < MANY <= len(shared)
    return shared if few_own else list(changes)


def _stage_one_by_one(context: Context, changes: Sequence[Change], staged: Staged) -> None:
    for number, change in enumerate(changes):
        context.guard.check()
        place = names.staged_beside(context.tag, change.path, number)
        chunks = context.store.stream(_wanted(change).sha256)
        try:
            context.link.session.write_new(context.remote(place), chunks, progress=moving(context.guard, bytes_each=1))
        except RemoteDenied as error:
            staged.refused[change.path] = why_blocked(change.path, error)
            continue
        staged.places[change.path] = place


def _stage_stream(context: Context, changes: Sequence[Change], staged: Staged) -> None:
    folder = staged.folder = names.staging_folder(context.tag)
    context.guard.check()
    context.link.session.make_folders(context.remote(folder))
    size = sum(_wanted(change).size for change in changes)
    command = context.link.platform.untar(context.remote(folder), size)
    if command is None:
        raise OutputUnreadable("the platform has no command to unpack")
    _lay_out(context, changes, folder, staged)
    context.guard.progress(phase=f"packing {many(len(changes), 'file')} into one stream")
    contents = tuple(_item(change, staged.places[change.path].removeprefix(f"{folder}/")) for change in changes)
    stream = bundle_of(context.store, contents, context.guard)
    pieces = sending(context.store, stream, context.guard)
    context.guard.progress(phase=f"sending {many(len(changes), 'change')}")
    result = context.link.session.run(
        context.link.platform.spell(command),
        stdin=pieces,
        timeout=settings.PORTAL.command * 10,  # once all has arrived; how fast it does, the wire sees to
        progress=moving(context.guard, bytes_each=size / max(stream.size, 1)),
    )
    if not result.ok:
        raise _unpack_error(result.stderr)


def _lay_out(context: Context, changes: Sequence[Change], folder: str, staged: Staged) -> None:
    """Give each change its place in the staging folder: in a tree of its group what is new, else a number."""
    staged.places |= {change.path: f"{folder}/{number}" for number, change in enumerate(changes)}
    if not context.link.capabilities.can_link:
        return
    by_group: dict[int, list[Change]] = {}
    for change in changes:
        if change.kind is ChangeKind.ADD:
            by_group.setdefault(change.group, []).append(change)
    trees = [tree for group in by_group.values() for tree in batches(group, LINKED)]
    for number, tree in enumerate(trees):
        for change in tree:
            staged.trees[change.path] = f"{folder}/t{number}"
            staged.places[change.path] = f"{folder}/t{number}/{change.path}"


def _item(change: Change, name: str) -> Item:
    wanted = _wanted(change)
    return Item(name, wanted.sha256, wanted.size, settable(wanted.mtime_ns) // 1_000_000_000)


def _unpack_error(stderr: bytes) -> Exception:
    text = stderr.decode("utf-8", "replace").strip().splitlines()
    detail = text[0][:200] if text else "no message"
    if any("No space left" in line or "quota" in line.casefold() for line in text):
        return NoSpace(detail)
    return CommandFailed(f"unpacking: {detail}")


def _verify(context: Context, changes: Sequence[Change], staged: Staged) -> None:
    """Hash what arrived, on the node where it can, else by reading it back."""
    wanted = {staged.places[change.path]: _wanted(change) for change in changes}
    if not wanted:
        return
    context.guard.progress(phase="verifying what arrived")
    found = digests_of(context, {place: one.size for place, one in wanted.items()})
    wrong = [place for place, one in wanted.items() if found.get(place) != one.sha256]
    if wrong:
        raise StagedWrong(f"{len(wrong)} of {len(wanted)} files, the first: {wrong[0]}")


def _set_times(context: Context, changes: Sequence[Change], staged: Staged) -> None:
    items = [(context.remote(staged.places[change.path]), _wanted(change).mtime_ns) for change in changes]
    for batch in batches(items, AT_ONCE):
        context.guard.check()
        for outcome in context.link.session.set_mtime_many(batch):
            if outcome is not None:
                raise outcome


def clean_up(context: Context, staged: Staged, undo: Sequence[str], done: Sequence[str]) -> None:
    """Remove staging and undo files, whatever else was unpacked before a failure, and folders that were made for files
    that did not get there. `done`: the changes that were carried out."""
    inside = f"{staged.folder}/"
    beside = [place for place in staged.places.values() if not place.startswith(inside)]
    for batch in batches([*beside, *undo], AT_ONCE):
        context.guard.progress()  # not a check: what is to stop tidies up first
        context.link.session.remove_many([context.remote(path) for path in batch])
    if staged.folder:
        remove_staging(context, staged.folder, lambda _: context.guard.progress())
    used = {folder for path in done for folder in folders_above(path)} if staged.made else set()
    for folder in reversed(staged.made):
        if folder not in used:
            remove_folder(context, folder)


def _wanted(change: Change) -> Wanted:
    if change.wanted is None:
        raise ValueError(f"{change.kind} of {change.path} has no content")
    return change.wanted
