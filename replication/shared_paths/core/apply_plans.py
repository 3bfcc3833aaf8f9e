"""The plans of the kind `shared_paths`, and how they are put into words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nodes.counted import many
from replication.configuration.core.file_plans import FILE_TEXT
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.plan_text import Item, NodeText, PlanText, PlanWords, Section
from replication.shared_paths.core.values import WantedValue

SHARED_PATHS = "shared_paths"
"""The kind."""

SHARED, FORMER = "shared", "former"
"""What one does, in its option `to`."""

MOVED = "moved"
"""Its option: an operator says that what the folders hold lies in its new place already."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the primary's, as people call it, as servers spell it, and its SFTP path."""

    role: str
    label: str
    place: str
    remote: str


@dataclass(frozen=True, slots=True)
class PathsPlan:
    """What all nodes come to hold. `primary`: the id of the node that is written to. `folders`: those that must be
    there before anything is written."""

    primary: int
    to: str
    values: tuple[WantedValue, ...]
    folders: tuple[Folder, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A line of a part of the plan."""

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A list that is shown of a node's plan. `counted`: what its entries are, `then` what becomes of them, both for the
    summary ("2 folders to be made")."""

    title: str
    counted: str
    then: str
    lines: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class NodeWords:
    """What a plan says of a node besides its steps."""

    parts: tuple[Part, ...] = ()


def parts_of(*parts: tuple[str, str, str, Iterable[Said]]) -> NodeWords:
    """The parts that have any line."""
    found = (Part(title, counted, then, tuple(lines)) for title, counted, then, lines in parts)
    return NodeWords(tuple(part for part in found if part.lines))


def _node(part: NodePlan) -> NodeText:
    words: NodeWords = part.detail or NodeWords()
    return NodeText(tuple(_section(one) for one in words.parts))


def _section(part: Part) -> Section:
    items = tuple(Item(line.text, line.note) for line in part.lines)
    return Section(part.title, f"{many(len(items), part.counted)} {part.then}".strip(), items)


def _plan(plan: Plan) -> PlanWords:
    detail: PathsPlan | None = plan.detail
    if detail is None:
        return PlanWords()
    proven = f"{many(len(detail.values), 'value')} to be proven on every node"
    return PlanWords(f"{proven}; {many(len(detail.folders), 'folder')} to be there" if detail.folders else proven)


PATHS_TEXT = PlanText(line=FILE_TEXT.line, node=_node, plan=_plan)
