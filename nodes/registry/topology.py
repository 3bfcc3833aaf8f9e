"""Where the boxes and lines of a cluster's drawing go: numbers in SVG user units; the template draws them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nodes.enums import REPLICATED, NodeRole
from nodes.registry.core.verdict import Verdict
from nodes.registry.models import Node
from nodes.registry.status import status_of

BOX = (132, 42)
ROW = 82
FIRST_ROW = 132
PRIMARY_Y = 30
LONGEST_NAME = 12
NAME_END = 5  # of a name that is too long: names of servers differ at their end
LONGEST_CAPTION = 20
DROP = 9  # from a row's boxes down to the line that leads to the file servers


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is drawn on. `columns` is even, so that the trunk to lower rows runs in the gap in the middle."""

    width: int
    columns: int

    @property
    def middle(self) -> int:
        """Its middle from the left."""
        return self.width // 2

    @property
    def trunk(self) -> int:
        """Right of the last column."""
        return self.width - 4

    def place(self, index: int, count: int, first: int) -> tuple[int, int]:
        """The middle of a box at `index` of `count`, in rows of which the first is at `first`."""
        row, column = divmod(index, self.columns)
        return int((column + 0.5) * self.width / min(count, self.columns)), first + row * ROW


WIDE = Sheet(600, 4)
NARROW = Sheet(300, 2)
"""For telephones: text keeps its size where a wide drawing would be shrunk."""


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
        return _short(self.node.name)

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
    """A line from a node to another one, or to the file servers, as an SVG path."""

    path: str
    tone: str


@dataclass(frozen=True, slots=True)
class FileServer:
    """A file server as it stands to a cluster. `caption` is short, `spoken` says it all. `reached`: the tone of what
    was found, by the node from which somebody wants to reach it."""

    name: str
    tone: str
    caption: str
    spoken: str
    reached: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class ServerBox:
    """A file server's box; `x`, `y` is its upper left corner."""

    server: FileServer
    x: int
    y: int

    @property
    def name(self) -> str:
        """The name as far as it fits."""
        return _short(self.server.name)


@dataclass(frozen=True, slots=True)
class Joint:
    """Where a node's line meets the one that leads to the file servers."""

    x: int
    y: int
    tone: str


@dataclass(frozen=True, slots=True)
class Shares:
    """The file servers below the nodes: `network` is the line that all share, `lines` lead there from each node."""

    boxes: tuple[ServerBox, ...] = ()
    network: str = ""
    lines: tuple[Edge, ...] = ()
    joints: tuple[Joint, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything to draw."""

    sheet: Sheet
    height: int
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    summary: str
    shares: Shares = Shares()

    @property
    def is_narrow(self) -> bool:
        """Whether it is for a narrow place."""
        return self.sheet == NARROW


def draw(nodes: Sequence[Node], servers: Sequence[FileServer] = (), sheet: Sheet = WIDE) -> Drawing:
    """Lay out a cluster's nodes; lines lead from the primary to the secondaries it replicates to, and from all to the
    file servers below them."""
    primary = [node for node in nodes if node.role == NodeRole.PRIMARY]
    secondaries = [node for node in nodes if node.role != NodeRole.PRIMARY]
    top = [_box(node, sheet.middle, PRIMARY_Y) for node in primary[:1]]
    below = [_box(node, *sheet.place(index, len(secondaries), FIRST_ROW)) for index, node in enumerate(secondaries)]
    rows = -(-len(secondaries) // sheet.columns)
    line = _curve if rows == 1 else _elbow
    served = [box for box in below if box.node.joining in REPLICATED] if top else []
    edges = tuple(Edge(line(box, sheet.middle), box.verdict.tone) for box in served)
    height = FIRST_ROW + (rows - 1) * ROW + 32 if rows else 2 * PRIMARY_Y
    boxes = (*top, *below)
    said = [f"{box.node.name}: {box.spoken}" for box in boxes]
    if not servers or not boxes:
        return Drawing(sheet, height, boxes, edges, "; ".join(said))
    shares = _shares(boxes, servers, sheet, FIRST_ROW + rows * ROW)
    said += [f"file server {server.name}: {server.spoken}" for server in servers]
    return Drawing(sheet, shares.boxes[-1].y + BOX[1] + 11, boxes, edges, "; ".join(said), shares)


def _shares(boxes: Sequence[Box], servers: Sequence[FileServer], sheet: Sheet, first: int) -> Shares:
    """The file servers in rows from `first` on, under a line that the nodes of the last row reach from above, and all
    others by the trunk on the right."""
    places = [sheet.place(index, len(servers), first) for index in range(len(servers))]
    drawn = tuple(_server_box(server, *place) for server, place in zip(servers, places, strict=True))
    bus, last = drawn[0].y - 14, max(box.y for box in boxes)
    lines, joints = [], []
    for box in boxes:
        tone = _worst(server.reached.get(box.node.pk) for server in servers)
        if tone:
            line, joint = _down(box, bus if box.y == last else box.y + BOX[1] + DROP, tone)
            if box.y < min(last, FIRST_ROW - BOX[1]):  # the primary has its secondaries below it
                line, joint = _aside(box, tone)
            lines.append(line)
            joints.append(joint)
    return Shares(drawn, _network(drawn, joints, bus, sheet.trunk), tuple(lines), tuple(joints))


def _down(box: Box, y: int, tone: str) -> tuple[Edge, Joint]:
    return Edge(f"M{box.centre},{box.y + BOX[1]} V{y}", tone), Joint(box.centre, y, tone)


def _aside(box: Box, tone: str) -> tuple[Edge, Joint]:
    start, y = box.x + BOX[0], box.y + BOX[1] // 2
    return Edge(f"M{start},{y} H{start + 26}", tone), Joint(start + 26, y, tone)


def _network(servers: Sequence[ServerBox], joints: Sequence[Joint], bus: int, trunk: int) -> str:
    """The line from all joints to all file servers, as an SVG path."""
    above = [joint for joint in joints if joint.y != bus]
    ends = [box.x + BOX[0] // 2 for box in servers] + [joint.x for joint in joints if joint.y == bus]
    ends += [trunk] if above else []
    parts = [f"M{min(ends)},{bus} H{max(ends)}"]
    parts += [f"M{box.x + BOX[0] // 2},{bus} V{box.y}" for box in servers]
    parts += [f"M{joint.x},{joint.y} H{trunk}" for joint in above]
    parts += [f"M{trunk},{min(joint.y for joint in above)} V{bus}"] if above else []
    return " ".join(parts)


def _server_box(server: FileServer, centre: int, middle: int) -> ServerBox:
    return ServerBox(server, centre - BOX[0] // 2, middle - BOX[1] // 2)


def _worst(tones: Iterable[str | None]) -> str:
    """The tone that counts of several; "" for none."""
    found = set(tones)
    return next((tone for tone in ("bad", "warn", "idle", "ok") if tone in found), "")


def _short(name: str) -> str:
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - NAME_END - 1]}…{name[-NAME_END:]}"


def _box(node: Node, centre: int, middle: int) -> Box:
    return Box(node, status_of(node), centre - BOX[0] // 2, middle - BOX[1] // 2)


def _curve(box: Box, middle: int) -> str:
    start = PRIMARY_Y + BOX[1] // 2
    return f"M{middle},{start} C{middle},{box.y - 10} {box.centre},{start + 10} {box.centre},{box.y}"


def _elbow(box: Box, middle: int) -> str:
    start, bus = PRIMARY_Y + BOX[1] // 2, box.y - 18
    return f"M{middle},{start} V{bus} H{box.centre} V{box.y}"
