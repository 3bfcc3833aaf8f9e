"""Where the boxes and lines of a cluster's drawing go: numbers in SVG user units; the template draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nodes.enums import REPLICATED, NodeRole
from nodes.registry.core.verdict import Verdict
from nodes.registry.models import Node
from nodes.registry.status import status_of

WIDTH = 600
BOX = (132, 42)
COLUMNS = 4  # even, so that the trunk to lower rows runs in the gap in the middle
ROW = 82
FIRST_ROW = 132
PRIMARY_Y = 30
LONGEST_NAME = 16
LONGEST_CAPTION = 20


@dataclass(frozen=True, slots=True)
class Box:
    """A node's box; `x`, `y` is its upper left corner."""

    node: Node
    verdict: Verdict
    x: int
    y: int

    @property
    def centre(self) -> int:
        """Its middle from the left."""
        return self.x + BOX[0] // 2

    @property
    def name(self) -> str:
        """The name as far as it fits."""
        name = self.node.name
        return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"

    @property
    def caption(self) -> str:
        """Its verdict, and beside it that it is paused. The primary stands above the others and needs no word for
        that."""
        label = self.verdict.label
        if not self.verdict.paused:
            return label
        beside = f"{label} · paused"
        return beside if len(beside) <= LONGEST_CAPTION else f"{label.partition(' ')[0]} · paused"

    @property
    def spoken(self) -> str:
        """The whole verdict."""
        return f"{self.verdict.text}, paused" if self.verdict.paused else self.verdict.text


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from the primary to a secondary, as an SVG path."""

    path: str
    tone: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything to draw."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    summary: str


def draw(nodes: Sequence[Node]) -> Drawing:
    """Lay out a cluster's nodes; lines lead from the primary to the secondaries it replicates to."""
    primary = [node for node in nodes if node.role == NodeRole.PRIMARY]
    secondaries = [node for node in nodes if node.role != NodeRole.PRIMARY]
    top = [_box(node, WIDTH // 2, PRIMARY_Y) for node in primary[:1]]
    below = [_box(node, *_place(index, len(secondaries))) for index, node in enumerate(secondaries)]
    rows = -(-len(secondaries) // COLUMNS)
    line = _curve if rows == 1 else _elbow
    served = [box for box in below if box.node.joining in REPLICATED] if top else []
    edges = tuple(Edge(line(box), box.verdict.tone) for box in served)
    height = FIRST_ROW + (rows - 1) * ROW + 32 if rows else 2 * PRIMARY_Y
    boxes = (*top, *below)
    return Drawing(WIDTH, height, boxes, edges, "; ".join(f"{box.node.name}: {box.spoken}" for box in boxes))


def _box(node: Node, centre: int, middle: int) -> Box:
    return Box(node, status_of(node), centre - BOX[0] // 2, middle - BOX[1] // 2)


def _place(index: int, count: int) -> tuple[int, int]:
    """The middle of the box of the secondary at `index` of `count`."""
    row, column = divmod(index, COLUMNS)
    columns = count if count < COLUMNS else COLUMNS
    return int((column + 0.5) * WIDTH / columns), FIRST_ROW + row * ROW


def _curve(box: Box) -> str:
    start = PRIMARY_Y + BOX[1] // 2
    return f"M{WIDTH // 2},{start} C{WIDTH // 2},{box.y - 10} {box.centre},{start + 10} {box.centre},{box.y}"


def _elbow(box: Box) -> str:
    start, bus = PRIMARY_Y + BOX[1] // 2, box.y - 18
    return f"M{WIDTH // 2},{start} V{bus} H{box.centre} V{box.y}"
