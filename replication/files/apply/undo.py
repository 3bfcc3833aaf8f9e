"""Undo copies: what is replaced or deleted stays under a second name until somebody looked at it.

No copy is removed before it was looked at and what it holds of an edit was written down, whichever way a round ends.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from nodes.errors import ChangedWhileRead, FileTooLarge, NodeError, RemoteBusy, RemoteDenied, RemoteFileMissing
from replication.files.apply.context import Context, Overwritten
from replication.files.apply.keep import digest_of, keep_content
from replication.files.core.batches import batches
from replication.files.digests import HASH_BATCH, are_few, hash_on_node


@dataclass(frozen=True, slots=True)
class Copy:
    """What a copy belongs to: `path`, the copy's own name where nobody knows. `known`: contents there that are no edit
    in need of keeping. `size`: of what was to be replaced, in bytes; None: not known."""

    path: str
    known: Collection[str]
    size: int | None = None


@dataclass(slots=True)
class Looked:
    """What a look at copies came to. `edits`: contents that are neither known nor in their place any more; they are in
    the store by now. `unread`: copies that could not be read, with why; they must stay."""

    edits: list[Overwritten] = field(default_factory=list)
    unread: dict[str, NodeError] = field(default_factory=dict)


def look_at(context: Context, copies: Mapping[str, Copy]) -> Looked:
    """Look at copies, by their relative names, and put the edits among them into the store. A copy that is not there
    holds nothing. Raises the session's errors and the guard's interruptions; nothing is removed."""
    looked = Looked()
    digests = _digests_on_node(context, copies)
    for name, copy in copies.items():
        try:
            edit = _edit_in(context, name, copy, digests.get(name))
        except RemoteFileMissing:
            continue
        except (RemoteBusy, RemoteDenied, ChangedWhileRead, FileTooLarge) as error:
            looked.unread[name] = error
            continue
        if edit is not None and (edit.path == name or not _is_in_place(context, edit)):
            looked.edits.append(edit)
    return looked


def _edit_in(context: Context, name: str, copy: Copy, digest: str | None) -> Overwritten | None:
    if (digest or digest_of(context, name)[0]) in copy.known:
        return None
    content, size = keep_content(context, copy.path, name)
    return Overwritten(copy.path, content, size, context.profile.classify(copy.path).secret)


def _is_in_place(context: Context, edit: Overwritten) -> bool:
    """Whether the file holds the edit: the swap had not come so far, or somebody has put it back."""
    try:
        return digest_of(context, edit.path)[0] == edit.content
    except (RemoteFileMissing, RemoteBusy, RemoteDenied, ChangedWhileRead, FileTooLarge):
        return False


def _digests_on_node(context: Context, copies: Mapping[str, Copy]) -> dict[str, str]:
    """SHA-256 by the node's own command; what it cannot read is left out, and everything where it has no command, or
    where they are so few that reading them is quicker."""
    found: dict[str, str] = {}
    if context.link.capabilities.can_hash and not are_few([copy.size for copy in copies.values()]):
        for batch in batches(list(copies), HASH_BATCH):
            found |= hash_on_node(context.link, context.link.root, batch, context.guard)
    return found
