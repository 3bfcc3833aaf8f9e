"""What every step of applying needs to know, as one value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nodes.connection.connect import NodeLink
from nodes.products.profile import Profile
from replication.files.work_context import WorkContext
from replication.objects import Store


@dataclass(frozen=True, slots=True)
class Context:
    """One owner's work on one node. `tag` marks its temporary names."""

    link: NodeLink
    profile: Profile
    store: Store
    guard: WorkContext
    tag: str

    def remote(self, path: str) -> str:
        """A relative path as the session needs it."""
        return f"{self.link.root}/{path}"


@dataclass(frozen=True, slots=True)
class Overwritten:
    """An edit of the node's own that was, or is about to be, overwritten; its content is in the store.

    `content` is "" where the edit was a deletion.
    """

    path: str
    content: str
    size: int
    secret: bool


Keep = Callable[[Sequence[Overwritten]], None]
"""Writes edits down that were made on the node; in vain where the lease was lost, then it raises LeaseLost."""
