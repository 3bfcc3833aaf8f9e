"""Keep what will be lost: content that the store does not hold yet is read into it before it is replaced."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from nodes.errors import RemoteFileMissing
from replication.files.apply.context import Context, Overwritten
from replication.files.core.changes import Change
from replication.files.digests import are_few, hash_on_node, read_chunks
from replication.files.work_context import moving


def keep_content(context: Context, path: str, at: str) -> tuple[str, int]:
    """Store the file at `at` (relative) under `path`'s secrecy; answer its id and size."""
    secret = context.profile.classify(path).secret
    stored = context.store.put_stream(read_chunks(context.link, at, context.guard, context.profile), secret=secret)
    return stored.id, stored.size


def digest_of(context: Context, at: str) -> tuple[str, int]:
    """SHA-256 and size of the file at `at` (relative), read over the wire."""
    digest, size = hashlib.sha256(), 0
    for chunk in read_chunks(context.link, at, context.guard, context.profile):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def digests_of(context: Context, sizes: Mapping[str, int]) -> dict[str, str]:
    """SHA-256 of several files (relative, with their sizes): by one command on the node where it can, else, and where
    they are few, read one by one."""
    if context.link.capabilities.can_hash and not are_few(sizes.values()):
        return hash_on_node(context.link, context.link.root, sizes, context.guard)
    return {path: digest_of(context, path)[0] for path in sizes}


TRUSTED_SECONDS = 10.0
"""All nodes of a job need, and lose, the same contents: what was found in the store for one is there for the next."""


def _kept(context: Context, changes: Sequence[Change]) -> set[str]:
    """What of the content to be lost the store has, every byte of it: the node's is about to be the last copy."""
    found = {change.found.sha256 for change in changes if change.found}
    if not found:
        return set()
    return context.store.whole(found, trusted_seconds=TRUSTED_SECONDS, progress=moving(context.guard))


def keep_found(context: Context, changes: Sequence[Change]) -> tuple[Overwritten, ...]:
    """Before anything is changed: keep every file that will be replaced or deleted. Answer the edits made on the node.

    A file that vanishes meanwhile has nothing left to keep.
    """
    edits: list[Overwritten] = []
    kept = _kept(context, changes)
    for change in changes:
        if change.found is None:
            if change.conflict:
                edits.append(Overwritten(change.path, "", 0, False))
            continue
        content, size = change.found.sha256, change.found.size
        if content not in kept:
            try:
                content, size = keep_content(context, change.path, change.path)
            except RemoteFileMissing:
                continue
        if change.conflict:
            edits.append(Overwritten(change.path, content, size, context.profile.classify(change.path).secret))
    return tuple(edits)
