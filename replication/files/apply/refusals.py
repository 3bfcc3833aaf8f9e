"""Why a node would not have one file written, and what helps: the words by which a path is blocked."""

from __future__ import annotations

from nodes.errors import NodeError, RemoteDenied, RemoteFileExists
from replication.files.core.paths import RelPath


def why_blocked(path: RelPath, error: NodeError) -> str:
    """What stands against writing `path` (relative to the installation folder), with the remedy."""
    if isinstance(error, RemoteDenied):
        folder = path.folder or "the installation folder"
        return f"the node denies writing; let the portal's account change {folder} and what is in it"
    if isinstance(error, RemoteFileExists):
        return "something that replication did not write stands in its place; move that away"
    return "held open by another program"
