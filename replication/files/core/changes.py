"""One file's change on one node: what is wanted, what was found, what is to be done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from replication.files.core.paths import RelPath, folders_above

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
"""A hash in hex, as stored plans must hold it."""

Size = Annotated[int, Meta(ge=0)]
"""Bytes."""


class ChangeKind(StrEnum):
    """What happens to one path on one node."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"
    TOUCH = "touch"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The content a path shall have: `sha256` is its id in the object store; `shared` when all nodes get the same
    bytes."""

    sha256: Sha256
    size: Size
    mtime_ns: int
    shared: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """What the planner saw at the target and the swap expects to find."""

    sha256: Sha256
    size: Size
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

    def makes_sense(self) -> bool:
        """Whether the kind has what it needs: an addition finds nothing, a deletion wants nothing, others have both."""
        wants, finds = self.kind is not ChangeKind.DELETE, self.kind is not ChangeKind.ADD
        return (self.wanted is not None, self.found is not None) == (wants, finds)

    @property
    def bytes(self) -> int:
        """Bytes to be sent."""
        return self.wanted.size if self.wanted and self.kind is not ChangeKind.TOUCH else 0


@dataclass(frozen=True, slots=True)
class KeptKey:
    """An ini key that stays the node's own. `answered`: an operator decided; else it differs and is kept until then."""

    path: RelPath
    section: str
    key: str
    answered: bool


@dataclass(frozen=True, slots=True)
class NodeFiles:
    """What a plan says of a node besides its changes: ini keys that stay its own, and files that only it has."""

    kept: tuple[KeptKey, ...] = ()
    extras: tuple[RelPath, ...] = ()


@dataclass(frozen=True, slots=True)
class PrimaryFiles:
    """What all nodes are brought to: a tree in the object store, and the primary's paths that nobody has sorted into a
    class."""

    snapshot_root: str
    unclassified: tuple[str, ...] = ()


def in_turns(changes: Sequence[Change], *, folds_case: bool) -> tuple[Sequence[Change], ...]:
    """The changes in the turns they must be done in: additions last whose places other files, or files beneath them,
    hold until they are deleted. One turn where there are none."""
    gone = {change.path.key(folds_case=folds_case) for change in changes if change.kind is ChangeKind.DELETE}
    emptied = {folder for key in gone for folder in folders_above(key)}

    def waits(change: Change) -> bool:
        key = change.path.key(folds_case=folds_case)
        return change.kind is ChangeKind.ADD and (key in emptied or not gone.isdisjoint(folders_above(key)))

    if not gone:
        return (changes,)
    first: list[Change] = []
    late: list[Change] = []
    for change in changes:
        (late if waits(change) else first).append(change)
    return (first, late) if late else (first,)


def bytes_of(changes: Iterable[Change]) -> int:
    """Bytes to be sent for all of them."""
    return sum(change.bytes for change in changes)
