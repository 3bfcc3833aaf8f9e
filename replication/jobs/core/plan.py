"""The envelope of every plan: which nodes, how many steps, what halts it. What a step is only its kind understands.

A plan is a value that can be stored, shown and approved by its digest; `plan_json` has the stored form, `plan_text`
what people are shown of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from replication.files.core.manifest import Problem


@dataclass(frozen=True, slots=True)
class NodePlan:
    """Everything for one node. `steps`: values of the kind's own type, in the order they will be done; `detail`: what
    else the kind has to say of the node. `away`: why the node could not be asked, `away_code` the error's; it will be
    worked on when it returns."""

    node_id: int
    node_name: str
    steps: tuple[Any, ...] = ()
    detail: Any = None
    problems: tuple[Problem, ...] = ()
    away: str = ""
    away_code: str = ""


@dataclass(frozen=True, slots=True)
class Brake:
    """A reason to halt and ask. `code` is stable; `evidence` one sentence with the numbers."""

    code: str
    node_name: str
    evidence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done on each node, and what stands against it. `detail`: what the kind says of all nodes at once.
    `problems`: those of no single node."""

    nodes: tuple[NodePlan, ...]
    brakes: tuple[Brake, ...] = ()
    problems: tuple[Problem, ...] = ()
    detail: Any = None

    @property
    def step_count(self) -> int:
        """Number of steps over all nodes."""
        return sum(len(node.steps) for node in self.nodes)

    @property
    def away_count(self) -> int:
        """Number of nodes that could not be asked, so that nobody knows their steps."""
        return sum(bool(node.away) for node in self.nodes)
