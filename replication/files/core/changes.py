"""One file's change on one node: what is wanted, what was found, what is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from replication.files.core.paths import RelPath


class ChangeKind(StrEnum):
    """What happens to one path on one node."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"
    TOUCH = "touch"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The content a path shall have: `object_id` in the object store; `shared` when all nodes get the same bytes."""

    sha256: str
    size: int
    mtime_ns: int
    shared: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """What the planner saw at the target and the swap expects to find."""

    sha256: str
    size: int
    mtime_ns: int
    change_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One step on one node. `found` None: nothing there. `conflict`: what is there is an edit made on the node."""

    kind: ChangeKind
    path: RelPath
    wanted: Wanted | None
    found: Found | None
    group: int = 50
    semaphore: str | None = None
    effect: str = "none"
    conflict: bool = False
