"""What people are shown of a plan: its kind makes lines of the steps, so that pages and the API need not know them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from replication.jobs.core.plan import NodePlan, Plan


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What only the API says of a step, and only of one that changes a file: the time of what will be there, the size
    of what is, and what its path belongs to. The rest means: no file."""

    mtime_ns: int | None = None
    found_size: int | None = None
    group: int = 0
    semaphore: str | None = None
    effect: str = "none"


NO_FILE = FileFacts()


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step in a line: what is done (`verb`, one word), to what, and what follows from it. `bytes`: to be sent.
    `size`: of what will be there, None where that means nothing. `conflict`: something that a person made is lost.
    `label`: what people call the verb, where that is another word."""

    verb: str
    subject: str
    detail: str = ""
    bytes: int = 0
    size: int | None = None
    conflict: bool = False
    file: FileFacts = NO_FILE
    label: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a section: a name, and a word beside it."""

    name: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A list below a node's steps. `summary`: what the closed node says of it ("2 ini keys kept")."""

    title: str
    summary: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class NodeText:
    """What else a kind says of a node. `kept` and `extras` are the API's: ini keys that stay the node's own, as values
    with path, section, key and answered, and files only it has."""

    sections: tuple[Section, ...] = ()
    kept: tuple[Any, ...] = ()
    extras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanWords:
    """What else a kind says of a whole plan. `sentence`: follows the number of steps on the page. `unclassified`: paths
    that nobody has sorted into a class."""

    sentence: str = ""
    unclassified: tuple[str, ...] = ()


def _no_text(_part: NodePlan) -> NodeText:
    return NodeText()


def _no_words(_plan: Plan) -> PlanWords:
    return PlanWords()


@dataclass(frozen=True, slots=True)
class PlanText:
    """How a kind puts its plans into words. `noun`: what one step is, as it is counted."""

    line: Callable[[Any], StepLine]
    node: Callable[[NodePlan], NodeText] = _no_text
    plan: Callable[[Plan], PlanWords] = _no_words
    noun: str = "change"

    def lines(self, part: NodePlan) -> list[StepLine]:
        """Every step of a node."""
        return [self.line(step) for step in part.steps]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Sums over the steps of a plan or of one node. `files`: steps that change a file."""

    bytes: int = 0
    conflicts: int = 0
    files: int = 0

    def __add__(self, other: Numbers) -> Numbers:
        return Numbers(self.bytes + other.bytes, self.conflicts + other.conflicts, self.files + other.files)


def numbers_each(text: PlanText, parts: Sequence[NodePlan]) -> list[Numbers]:
    """Of each node: bytes to be sent, edits that are lost, files. A step that several share is put into words once."""
    seen: dict[int, StepLine] = {}
    found = []
    for part in parts:
        lines = [seen.get(id(step)) or seen.setdefault(id(step), text.line(step)) for step in part.steps]
        sent, conflicts = sum(line.bytes for line in lines), sum(line.conflict for line in lines)
        found.append(Numbers(sent, conflicts, sum(line.file is not NO_FILE for line in lines)))
    return found


def numbers_of(text: PlanText, *parts: NodePlan) -> Numbers:
    """The same of all of them together."""
    return sum(numbers_each(text, parts), Numbers())
