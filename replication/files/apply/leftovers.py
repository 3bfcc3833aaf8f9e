"""What an earlier owner left on the node: staged files go, undo copies are looked at first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nodes.errors import RemoteBusy, RemoteDenied, RemoteFileMissing
from replication.files.apply import names
from replication.files.apply.context import Context, Overwritten
from replication.files.apply.keep import digest_of, keep_content
from replication.files.core.batches import AT_ONCE, batches


def sweep(context: Context, leftovers: Sequence[str], paths: Sequence[str]) -> tuple[Overwritten, ...]:
    """Remove leftovers of other tags; answer edits found in undo copies whose content was not kept yet."""
    folders: list[str] = []
    files: list[str] = []
    edits: list[Overwritten] = []
    by_digest = {names.path_digest(path): path for path in paths} if leftovers else {}
    for path in leftovers:
        own = names.parse(path)
        if own is None or own.tag == context.tag:
            continue
        if own.kind == "d":
            folders.append(path)
        else:
            try:
                edits += _rescued(context, path, own, by_digest)
            except (RemoteBusy, RemoteDenied) as error:
                text = f"{path} is held open and stays for the next run: {error.detail}"
                context.guard.event("warning", "leftovers.kept", text)
                continue
            files.append(path)
    _remove(context, files, folders)
    return tuple(edits)


def _rescued(context: Context, path: str, own: names.OwnName, by_digest: Mapping[str, str]) -> list[Overwritten]:
    """The edit that an undo copy holds. Without a known path the content is kept under the copy's own name."""
    if own.kind != "u":
        return []
    target = by_digest.get(own.rest, path)
    secret = context.profile.classify(target).secret
    try:
        digest, size = digest_of(context, path)
        if context.store.has(digest):
            return []
        content, size = keep_content(context, target, path)
    except RemoteFileMissing:
        return []
    return [Overwritten(target, content, size, secret)]


def _remove(context: Context, files: Sequence[str], folders: Sequence[str]) -> None:
    if not files and not folders:
        return
    inside = [path for folder in folders for path in entries_in(context, folder)]
    for batch in batches([*files, *inside], AT_ONCE):
        context.guard.check()
        context.link.session.remove_many([context.remote(path) for path in batch])
    for folder in folders:
        remove_folder(context, folder)
    context.guard.event(
        "info", "leftovers.swept", f"Removed {len(files) + len(inside)} temporary files of earlier runs."
    )


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
