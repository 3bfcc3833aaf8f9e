"""The plan: what a job would do to each node, seen before it is done and applied exactly as seen.

A plan is a value with a digest; approving signs the digest. `plan_json` is its only stored form.
"""

from __future__ import annotations

from dataclasses import dataclass

from replication.files.core.changes import Change, ChangeKind
from replication.files.core.manifest import Problem
from replication.files.core.paths import RelPath


@dataclass(frozen=True, slots=True)
class KeptKey:
    """An ini key that stays the node's own. `answered`: an operator decided; else it differs and is kept until then."""

    path: RelPath
    section: str
    key: str
    answered: bool


@dataclass(frozen=True, slots=True)
class NodePlan:
    """Everything for one node, in the order it will be done. `away`: why the node could not be asked, `away_code` the
    error's; it will be brought to the same snapshot when it returns."""

    node_id: int
    node_name: str
    changes: tuple[Change, ...] = ()
    kept: tuple[KeptKey, ...] = ()
    extras: tuple[RelPath, ...] = ()
    problems: tuple[Problem, ...] = ()
    away: str = ""
    away_code: str = ""

    @property
    def bytes(self) -> int:
        """Bytes to be sent."""
        return sum(change.wanted.size for change in self.changes if change.wanted and change.kind != ChangeKind.TOUCH)


@dataclass(frozen=True, slots=True)
class Brake:
    """A reason to halt and ask. `code` is stable; `evidence` one sentence with the numbers."""

    code: str
    node_name: str
    evidence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A snapshot of the primary and what it means for each node. `snapshot_root` is a tree id in the object store."""

    snapshot_root: str
    nodes: tuple[NodePlan, ...]
    brakes: tuple[Brake, ...] = ()
    problems: tuple[Problem, ...] = ()
    unclassified: tuple[str, ...] = ()

    @property
    def changes(self) -> int:
        """Number of steps over all nodes."""
        return sum(len(node.changes) for node in self.nodes)
