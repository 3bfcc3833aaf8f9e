"""The plan of a move of messages from queues in which no server works any more. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from nodes.counted import many
from nodes.queues.core.tally import Tally
from replication.jobs.core.plan import NodePlan
from replication.jobs.core.plan_text import Item, NodeText, PlanText, Section, StepLine

QUEUE_MOVE = "queue_move"
"""The kind of these jobs."""


@dataclass(frozen=True, slots=True)
class QueueMove:
    """The messages of one queue, "" for the folder of the queues itself. `size` in bytes."""

    queue: str
    messages: int
    size: int

    def makes_sense(self) -> bool:
        """Whether there is something to move."""
        return self.messages > 0 and self.size >= 0


@dataclass(frozen=True, slots=True)
class FromTo:
    """Where a node's messages lie and where they go, as it spells both. `used`: queues that stay, because the node's
    own files still name their folders. `begun`: servers work in `source` again, and only what was on its way out of it
    when an earlier move was cut short goes on."""

    source: str
    target: str
    used: tuple[str, ...] = ()
    begun: bool = False


def moves_of(tally: Tally, used: Collection[str]) -> tuple[QueueMove, ...]:
    """A step for each queue that holds messages and is in use no longer."""
    left = (one for one in tally.queues if one.messages and not is_used(one.queue, used))
    return tuple(QueueMove(one.queue, one.messages, one.size) for one in left)


def begun_of(tally: Tally) -> tuple[QueueMove, ...]:
    """A step for each queue with messages on their way; how large they are nobody needs to know."""
    return tuple(QueueMove(one.queue, one.begun, 0) for one in tally.queues if one.begun)


def is_used(queue: str, used: Collection[str]) -> bool:
    """Whether a queue is one of these, whatever the case, or lies in one."""
    name = queue.casefold()
    return any(name == one.casefold() or name.startswith(f"{one.casefold()}/") for one in used)


def free_name(name: str, node_id: int, number: int) -> str:
    """Another name for a message whose own is taken, with its ending."""
    stem, dot, ending = name.rpartition(".")
    more = f"-n{node_id}" if number == 0 else f"-n{node_id}-{number}"
    return f"{stem}{more}{dot}{ending}" if stem else f"{name}{more}"


def _line(step: QueueMove) -> StepLine:
    detail = many(step.messages, "message")
    return StepLine("move", step.queue or "the folder itself", detail, bytes=step.size, size=step.size)


def _words(part: NodePlan) -> NodeText:
    if part.detail is None:
        return NodeText()
    why = "what an earlier move began goes on" if part.detail.begun else "no server works in it any more"
    folders = [Item(part.detail.source, why), Item(part.detail.target, "they go here")]
    folders += [Item(queue, "stays: the node's own files still name it") for queue in part.detail.used]
    return NodeText((Section("Folders", "from one folder to another", tuple(folders)),))


MOVE_TEXT = PlanText(line=_line, node=_words, noun="queue")
