"""The only writer of what nodes' queues held when they were read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.audit import Subject, record
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import take_cluster
from nodes.counted import some
from nodes.leases.transactions import write_transaction
from nodes.one_line import one_line
from nodes.queues.core.tally import QueueSum, Tally
from nodes.queues.models import QueueCount, QueueReading
from nodes.registry.models import Node

NAMED = 3
"""So many folders that could not be read are named."""

MOST_BYTES = 2**63 - 1
"""What a row holds; servers may say of each file that it is larger than any disk."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of one node. `place`, `left_place`: folders as the node spells them; `left` None: there is no such
    folder; `left_shared`: it is the one that all nodes share. `ahead`: how far the clock is ahead that gave the files
    their times."""

    place: str
    shared: bool
    tally: Tally
    left_place: str = ""
    left: Tally | None = None
    left_shared: bool = False
    ahead: timedelta = timedelta()


def keep_reading(node_id: int, read: Read) -> None:
    """Keep it as the node's present one. Of counts that are as they were nothing is written; of a node that was removed
    meanwhile, nothing at all."""
    now = timezone.now()
    columns = {
        "place": one_line(read.place, 400),
        "shared": read.shared,
        "left_place": one_line(read.left_place, 400),
        "left_shared": read.left_shared,
        "more": read.tally.more or bool(read.left and read.left.more),
        "error": one_line(_unread(read.tally, read.left), 300),
        "read_at": now,
        "asked_at": now,
    }
    with write_transaction():
        row = _put(node_id, columns)
        if row is None:
            return
        wanted = [*_counts(row, read.tally, now, read.ahead, left=False)]
        wanted += _counts(row, read.left, now, read.ahead, left=True) if read.left else []
        if sorted(map(_values, row.counts.all())) != sorted(map(_values, wanted)):
            row.counts.all().delete()
            QueueCount.objects.bulk_create(wanted)


@transaction.atomic
def note_asked(principal: Principal, cluster_id: int) -> None:
    """Record that somebody asked to have a cluster's queues counted now. Needs an operator."""
    cluster = take_cluster(principal, cluster_id, Role.OPERATOR)
    text = f"Asked the nodes of {cluster.name} what waits in their queues."
    record(principal, "queues.read", text, cluster=cluster, subject=Subject.of(cluster))


def keep_failure(node_id: int, why: str) -> None:
    """It could not be read: what was read before stands, with its moment."""
    columns = {"error": one_line(why, 300), "asked_at": timezone.now()}
    with write_transaction():
        _put(node_id, columns)


def _put(node_id: int, columns: dict[str, object]) -> QueueReading | None:
    """The node's reading with these values; None where the node is no more."""
    if not Node.objects.filter(pk=node_id).exists():
        return None
    return QueueReading.objects.update_or_create(node_id=node_id, defaults=columns)[0]


def _unread(*tallies: Tally | None) -> str:
    """What of the folders nobody could look into."""
    folders = [folder for tally in tallies if tally for folder in tally.unread]
    if not folders:
        return ""
    names = some([one_line(folder, 60) for folder in folders], NAMED)
    return f"These folders cannot be listed; give the portal's account read access: {names}."


def _counts(row: QueueReading, tally: Tally, now: datetime, ahead: timedelta, *, left: bool) -> list[QueueCount]:
    found: dict[str, QueueCount] = {}
    for queue in tally.queues:
        name = one_line(queue.queue, 200, instead="?")
        one = found.setdefault(name, QueueCount(reading=row, queue=name, left=left, messages=0, size=0))
        one.messages += queue.messages  # two names of a node's may be shown alike
        one.size = min(one.size + queue.size, MOST_BYTES)
        oldest = filter(None, (one.oldest_at, _moment(queue, now, ahead)))
        one.oldest_at = min(oldest, default=None)
    return list(found.values())


def _moment(queue: QueueSum, now: datetime, ahead: timedelta) -> datetime | None:
    """When the oldest came, by the portal's clock; never in the future."""
    if queue.oldest_ns is None:
        return None
    return min(now, datetime.fromtimestamp(max(queue.oldest_ns, 0) // 10**9, UTC) - ahead)


def _values(count: QueueCount) -> tuple[bool, str, int, int, float]:
    oldest = count.oldest_at.timestamp() if count.oldest_at else 0.0
    return count.left, count.queue, count.messages, count.size, oldest
