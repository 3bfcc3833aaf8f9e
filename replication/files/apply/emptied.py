"""Folders that lost their last file: they make room for a file of their name, and go where replication made them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nodes.errors import NodeError, RemoteBusy, RemoteDenied, RemoteFileExists
from nodes.remote.session import FileKind, RemoteStat
from nodes.remote.walk import walk
from replication.files.apply.context import Context
from replication.files.core.changes import Change


def clear_folders(
    context: Context, changes: Sequence[Change]
) -> tuple[list[Change], list[tuple[Change, NodeError | None]]]:
    """Remove empty folders that stand where files shall be. Answers the changes whose places are free of folders now,
    and the others with what is in the way."""
    if not changes:
        return [], []
    ready: list[Change] = []
    refused: list[tuple[Change, NodeError | None]] = []
    facts = context.link.session.stat_many([context.remote(change.path) for change in changes])
    for change, found in zip(changes, facts, strict=True):
        is_folder = isinstance(found, RemoteStat) and found.kind is FileKind.FOLDER
        error = _cleared(context, change.path) if is_folder else None
        if error is None:
            ready.append(change)
        else:
            refused.append((change, error))
    return ready, refused


def _cleared(context: Context, folder: str) -> NodeError | None:
    """Remove a folder with the folders in it, unless one of them holds anything else."""
    try:
        inside = walk(context.link.session, context.remote(folder))
        if inside.unreadable or any(entry.kind != FileKind.FOLDER for entry in inside.files):
            return RemoteFileExists(folder)
        for path in sorted((entry.path for entry in inside.files), key=len, reverse=True):
            context.link.session.remove_folder(context.remote(f"{folder}/{path}"))
        context.link.session.remove_folder(context.remote(folder))
    except (RemoteBusy, RemoteDenied) as error:
        return error
    return None


def remove_emptied(context: Context, folders: Iterable[str]) -> tuple[str, ...]:
    """Remove folders (relative), innermost first; one that still holds anything stays. Answers those that went."""
    removed = []
    for folder in sorted(folders, key=len, reverse=True):
        context.guard.check()
        try:
            context.link.session.remove_folder(context.remote(folder))
        except NodeError as error:
            context.guard.event("info", "folder.stays", f"{folder} stays: {error.detail or error}")
            continue
        removed.append(folder)
    return tuple(removed)
