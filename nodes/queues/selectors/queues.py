"""What waits in the queues of a cluster, as pages and REST show it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Prefetch, Q

from nodes.clusters.models import Cluster
from nodes.enums import Health, Joining, NodeRole
from nodes.queues.models import QueueCount, QueueReading
from nodes.registry.models import Node
from nodes.registry.selectors import nodes_with_access, still_in
from nodes.registry.services.health import LIMIT
from nodes.shares.models import SharedPaths


def clusters_with_routing() -> list[int]:
    """The clusters whose nodes share their queues, or shall; and those of which some node still did when it was read
    last."""
    wanted = SharedPaths.objects.filter(routing=True).values_list("cluster", flat=True)
    some = QueueReading.objects.filter(Q(shared=True) | ~Q(left_place="")).values_list("node__cluster", flat=True)
    return sorted({*wanted, *some})


def nodes_to_count(cluster_ids: Collection[int]) -> list[tuple[int, int]]:
    """Cluster and node of the nodes of these clusters that can be logged in to. Not those that are away, which keep
    what was counted, nor those that broke a limit, which only what broke it shall try again."""
    nodes = nodes_with_access().filter(cluster__in=cluster_ids).exclude(joining=Joining.LEFT)
    nodes = nodes.exclude(health=Health.DOWN).exclude(health=Health.DEGRADED, health_cause__startswith=LIMIT)
    return list(nodes.order_by("cluster", "pk").values_list("cluster", "pk"))


def last_asked(cluster_id: int) -> datetime | None:
    """When the queues of a cluster's nodes were last counted, or tried to; None before the first time."""
    asked: datetime | None = QueueReading.objects.filter(node__cluster=cluster_id).aggregate(last=Max("asked_at"))[
        "last"
    ]
    return asked


@dataclass(frozen=True, slots=True)
class Cell:
    """What waits in one queue on one node, or in all of them together. `oldest_at` None: nothing waits."""

    messages: int = 0
    size: int = 0
    oldest_at: datetime | None = None

    def __add__(self, other: Cell) -> Cell:
        oldest = min(filter(None, (self.oldest_at, other.oldest_at)), default=None)
        return Cell(self.messages + other.messages, self.size + other.size, oldest)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with queues: a node's own, or, with `node` None, the one that nodes share, counted once by whoever read
    it last. `left`: no server works in it any more. `stale`: it could not be read the last time, `error` says why, and
    the numbers are of `read_at`; None: it was never read. `cells`: by queue."""

    node: Node | None
    nodes: tuple[Node, ...]
    folder: str
    left: bool
    read_at: datetime | None
    error: str
    more: bool
    cells: dict[str, Cell]

    @property
    def total(self) -> Cell:
        """All queues together."""
        return sum(self.cells.values(), Cell())

    @property
    def waiting(self) -> list[tuple[str, Cell]]:
        """The queues in which something waits."""
        return [(name, cell) for name, cell in self.cells.items() if cell.messages]

    @property
    def away(self) -> bool:
        """Whether nobody who could read it answers now."""
        return bool(self.nodes) and all(node.health == Health.DOWN for node in self.nodes)


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One queue and what waits in it: in each place that is in use, and together."""

    queue: str
    cells: tuple[Cell | None, ...]
    total: Cell


@dataclass(frozen=True, slots=True)
class Unread:
    """A node whose queues were never read; `why` "" where nobody tried yet."""

    node: Node
    why: str


@dataclass(frozen=True, slots=True)
class ClusterQueues:
    """`places`: those in which servers work; `left`: those in which messages were left; `unread`: nodes that were never
    read."""

    places: tuple[Place, ...]
    left: tuple[Place, ...]
    unread: tuple[Unread, ...]

    @property
    def total(self) -> Cell:
        """What waits where servers work."""
        return sum((place.total for place in self.places), Cell())

    @property
    def lines(self) -> tuple[QueueLine, ...]:
        """The table queue x place."""
        names = sorted({name for place in self.places for name in place.cells})
        return tuple(_line(name, self.places) for name in names)


def _line(name: str, places: Sequence[Place]) -> QueueLine:
    cells = tuple(place.cells.get(name) for place in places)
    return QueueLine(name, cells, sum((cell for cell in cells if cell), Cell()))


def queues_of(cluster: Cluster) -> ClusterQueues:
    """Three queries for any number of nodes and queues."""
    counts = Prefetch("queue_reading__counts", QueueCount.objects.all())
    nodes = still_in(cluster)
    rows = list(nodes.select_related("queue_reading").prefetch_related(counts))
    readings = {node: node.queue_reading for node in rows if getattr(node, "queue_reading", None)}
    shared = {node: one for node, one in readings.items() if one.shared and one.read_at}
    places = [_own(node, one) for node, one in readings.items() if not one.shared and one.read_at]
    if shared:
        places.insert(0, _shared(shared))
    left = _left(readings)
    never = ((node, getattr(node, "queue_reading", None)) for node in rows)
    unread = tuple(Unread(node, one.error if one else "") for node, one in never if one is None or one.read_at is None)
    return ClusterQueues(tuple(places), left, unread)


def counted_last(cluster: Cluster) -> dict[int, tuple[datetime, dict[str, int]]]:
    """When each node's queues were counted last, and how many messages lay in each that had some; those left in a
    former folder are not among them. Two queries."""
    found = {}
    for one in QueueReading.objects.filter(node__cluster=cluster).prefetch_related("counts"):
        if one.read_at is not None:
            counts = {count.queue: count.messages for count in _counts(one, left=False) if count.messages}
            found[one.node_id] = (one.read_at, counts)
    return found


def _own(node: Node, reading: QueueReading) -> Place:
    return _place(node, (node,), reading, left=False)


def _shared(readings: dict[Node, QueueReading]) -> Place:
    """The shared queues as they were read last, by whichever node."""
    newest = max(readings.values(), key=lambda one: (not one.error, one.read_at))
    return _place(None, tuple(readings), newest, left=False)


def _left(readings: dict[Node, QueueReading]) -> tuple[Place, ...]:
    """Folders with messages in which no node works. The one that all nodes shared counts once, by its primary."""
    still_shared = any(one.shared for one in readings.values())
    found: dict[int, Place] = {}
    for node, one in sorted(readings.items(), key=lambda pair: pair[0].role != NodeRole.PRIMARY):
        place = _place(node, (node,), one, left=True)
        if place.total.messages and not (one.left_shared and still_shared):
            found.setdefault(0 if one.left_shared else node.pk, place)
    return tuple(found.values())


def _place(node: Node | None, nodes: tuple[Node, ...], reading: QueueReading, *, left: bool) -> Place:
    cells = {one.queue: Cell(one.messages, one.size, one.oldest_at) for one in _counts(reading, left=left)}
    folder = reading.left_place if left else reading.place
    return Place(node, nodes, folder, left, reading.read_at, reading.error, reading.more, cells)


def _counts(reading: QueueReading, *, left: bool) -> Iterable[QueueCount]:
    return (one for one in reading.counts.all() if one.left == left)
