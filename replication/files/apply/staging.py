"""Bring the wanted content onto the node under temporary names, and prove that it arrived.

Few files go one by one beside their targets. Many go as one gzip stream, built once for all nodes, into a folder on
the same volume, where the node can unpack it. Either way every staged file is hashed before any swap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings

from nodes.errors import CommandFailed, NoSpace, OutputUnreadable, RemoteDenied, RemoteFileExists
from replication.files.apply import names
from replication.files.apply.bundles import bundle_of
from replication.files.apply.context import Context
from replication.files.apply.keep import digests_of
from replication.files.apply.leftovers import entries_in, remove_folder
from replication.files.apply.refusals import why_blocked
from replication.files.core.batches import AT_ONCE, batches
from replication.files.core.changes import Change, ChangeKind, Wanted
from replication.files.core.paths import RelPath, folders_above
from replication.files.work_context import moving

MANY = 24
"""From this many files on, one stream is faster than one transfer each (about three round trips a file)."""


@dataclass(slots=True)
class Staged:
    """Relative temporary path of each change's content, and the folder that many were unpacked into. `made`: folders
    that were missing, outermost first. `refused`: paths that have no place on the node, with why."""

    places: dict[str, str] = field(default_factory=dict)
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
    if len(sending) >= MANY and context.link.capabilities.can_untar:
        _stage_stream(context, sending, staged)
    else:
        _stage_one_by_one(context, sending, staged)
        sending = _not_refused(sending, staged)
    context.guard.boundary("staged")
    _verify(context, sending, staged)
    _set_times(context, sending, staged)
    context.guard.boundary("staged-verified")


def _make_folders(context: Context, changes: Sequence[Change], staged: Staged) -> None:
    top = context.remote("")
    inside: dict[str, list[RelPath]] = {}
    for change in changes:
        inside.setdefault(change.path.folder, []).append(change.path)
    for folder in sorted(inside.keys() - {""}):
        context.guard.check()
        try:
            made = context.link.session.make_folders(context.remote(folder))
        except (RemoteDenied, RemoteFileExists) as error:
            staged.refused |= {path: why_blocked(path, error) for path in inside[folder]}
            continue
        staged.made += [level.removeprefix(top) for level in made if level.startswith(top)]


def _not_refused(changes: Sequence[Change], staged: Staged) -> list[Change]:
    return [change for change in changes if change.path not in staged.refused]


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
    command = context.link.platform.untar(context.remote(folder))
    if command is None:
        raise OutputUnreadable("the platform has no command to unpack")
    sizes = {_wanted(change).sha256: _wanted(change).size for change in changes}
    contents = tuple(sorted(sizes.items()))
    context.guard.progress(phase=f"packing {len(contents)} files into one stream")
    stream = bundle_of(context.store, contents, context.guard)
    context.guard.progress(phase=f"sending {len(changes)} changes")
    result = context.link.session.run(
        context.link.platform.spell(command),
        stdin=context.store.stream(stream.id),
        timeout=settings.PORTAL.command * 10,  # once all has arrived; how fast it does, the wire sees to
        progress=moving(
            context.guard, bytes_each=sum(_wanted(change).size for change in changes) / max(stream.size, 1)
        ),
    )
    if not result.ok:
        raise _unpack_error(result.stderr)
    numbers = {digest: number for number, (digest, _) in enumerate(contents)}
    _spread(context, changes, numbers, folder, staged)


def _spread(
    context: Context, changes: Sequence[Change], numbers: Mapping[str, int], folder: str, staged: Staged
) -> None:
    """Give each change a file of its own: content that is wanted in several places is linked or copied."""
    taken: set[str] = set()
    for number, change in enumerate(changes):
        digest = _wanted(change).sha256
        first = f"{folder}/{numbers[digest]}"
        if digest not in taken:
            taken.add(digest)
            staged.places[change.path] = first
            continue
        place = f"{folder}/c{number}"
        context.guard.check()
        chunks = context.store.stream(digest)
        context.link.session.write_new(context.remote(place), chunks, progress=moving(context.guard))
        staged.places[change.path] = place


def _unpack_error(stderr: bytes) -> Exception:
    text = stderr.decode("utf-8", "replace").strip().splitlines()
    detail = text[0][:200] if text else "no message"
    if any("No space left" in line or "quota" in line.casefold() for line in text):
        return NoSpace(detail)
    return CommandFailed(f"unpacking: {detail}")


def _verify(context: Context, changes: Sequence[Change], staged: Staged) -> None:
    """Hash what arrived, on the node where it can, else by reading it back."""
    wanted = {staged.places[change.path]: _wanted(change).sha256 for change in changes}
    if not wanted:
        return
    context.guard.progress(phase="verifying what arrived")
    found = digests_of(context, tuple(wanted))
    wrong = [place for place, digest in wanted.items() if found.get(place) != digest]
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
    paths = [*staged.places.values(), *undo]
    inside = entries_in(context, staged.folder) if staged.folder else []
    for batch in batches(list(dict.fromkeys([*paths, *inside])), AT_ONCE):
        context.guard.progress()  # not a check: what is to stop tidies up first
        context.link.session.remove_many([context.remote(path) for path in batch])
    if staged.folder:
        remove_folder(context, staged.folder)
    used = {folder for path in done for folder in folders_above(path)} if staged.made else set()
    for folder in reversed(staged.made):
        if folder not in used:
            remove_folder(context, folder)


def _wanted(change: Change) -> Wanted:
    if change.wanted is None:
        raise ValueError(f"{change.kind} of {change.path} has no content")
    return change.wanted
