"""What an earlier owner left on the node: staged files go, undo copies are looked at first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from django.conf import settings

from nodes.counted import many
from nodes.errors import RemoteBusy, RemoteFileMissing
from nodes.remote.session import FileKind, Progress
from nodes.remote.walk import walk
from replication.files.apply import names
from replication.files.apply.context import Context, Keep
from replication.files.apply.undo import Copy, look_at
from replication.files.core.batches import AT_ONCE, batches
from replication.files.work_context import moving


def sweep(context: Context, leftovers: Sequence[str], known: Mapping[str, Collection[str]], keep: Keep) -> None:
    """Remove leftovers of other tags, undo copies after what they held of edits was written down by `keep`.

    `known`: by path, the contents there that are no edit in need of keeping. That the store holds a content says
    nothing: who put it there may have died before writing down whose it was.
    """
    ours = [(path, own) for path in leftovers if (own := names.parse(path)) and own.tag != context.tag]
    by_digest = {names.path_digest(path): path for path in known} if ours else {}
    # without a known path the content is kept under the copy's own name
    owners = {path: by_digest.get(own.rest, path) for path, own in ours if own.kind == "u"}
    looked = look_at(context, {path: Copy(owner, known.get(owner, ())) for path, owner in owners.items()})
    keep(looked.edits)
    for path, error in looked.unread.items():
        context.guard.event("warning", "leftovers.kept", f"{path} stays for the next run: {error}")
    files = [path for path, own in ours if own.kind != "d" and path not in looked.unread]
    _remove(context, files, [path for path, own in ours if own.kind == "d"])


def _remove(context: Context, files: Sequence[str], folders: Sequence[str]) -> None:
    if not files and not folders:
        return
    for batch in batches(files, AT_ONCE):
        context.guard.check()
        context.link.session.remove_many([context.remote(path) for path in batch])
    for folder in folders:
        remove_staging(context, folder, moving(context.guard))
    removed = f"{many(len(files), 'temporary file')} and {many(len(folders), 'temporary folder')}"
    text = f"Removed {removed} of earlier runs."
    context.guard.event("info", "leftovers.swept", text)


def remove_staging(context: Context, folder: str, progress: Progress) -> None:
    """Remove a staging folder: by one command where the node has one, and whatever that leaves over SFTP."""
    command = context.link.platform.remove_tree(context.remote(folder)) if context.link.capabilities.can_untar else None
    if command is not None:
        line = context.link.platform.spell(command)
        result = context.link.session.run(line, timeout=settings.PORTAL.command, progress=progress)
        if result.ok:
            return
    try:
        inside = walk(context.link.session, context.remote(folder), progress=progress).files
    except RemoteFileMissing:
        return
    folders = [entry.path for entry in inside if entry.kind == FileKind.FOLDER]
    files = [f"{folder}/{entry.path}" for entry in inside if entry.kind != FileKind.FOLDER]
    for batch in batches(files, AT_ONCE):
        progress(0)
        context.link.session.remove_many([context.remote(path) for path in batch])
    for below in sorted(folders, key=len, reverse=True):
        remove_folder(context, f"{folder}/{below}")
    remove_folder(context, folder)


def entries_in(context: Context, folder: str) -> list[str]:
    """Relative paths of what lies in a staging folder; nothing where it is gone."""
    try:
        return [f"{folder}/{entry.name}" for entry in context.link.session.list_folder(context.remote(folder))]
    except RemoteFileMissing:
        return []


def remove_folder(context: Context, folder: str) -> None:
    """Remove an empty folder; what another program holds in it stays for the next run."""
    try:
        context.link.session.remove_folder(context.remote(folder))
    except RemoteBusy as error:
        context.guard.event("warning", "leftovers.kept", f"{folder} could not be removed yet: {error.detail}")
