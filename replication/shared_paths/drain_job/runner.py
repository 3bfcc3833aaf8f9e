"""The kind `queue_move`: which messages lie where no server works any more, and their way to where the servers do."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from accounts.errors import Reason, Refused
from nodes.clusters.selectors import plain_profile
from nodes.connection.connect import NodeLink, open_node
from nodes.counted import many
from nodes.enums import NodeRole
from nodes.errors import NodeError, RemoteFileMissing
from nodes.leases.worker import closing
from nodes.products.profile import Profile
from nodes.queues.core.tally import Tally
from nodes.queues.look import count_queues
from nodes.registry.models import Node
from replication.files.core.manifest import Problem
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.states import TargetState
from replication.jobs.runner import PlanOutcome, PlanWork, TargetOutcome, TargetWork
from replication.shared_paths.core.queue_moves import QueueMove, begun_of, is_used, moves_of
from replication.shared_paths.drain_job.messages import Moved
from replication.shared_paths.drain_job.moving import SETTLE_NS, Mover
from replication.shared_paths.drain_job.places import Way, begun_there, nodes_with_queues, way_of
from replication.shared_paths.mounted import not_mounted_there

SHOWN = 20
"""So many messages with another name are told, and so many that stay."""


class QueueMoveRunner:
    """Move what was left behind."""

    def plan(self, work: PlanWork) -> PlanOutcome:
        """Count what lies where no server works any more, on every node at once. Changes nothing. Raises Refused where
        nothing can be moved, and why not."""
        job = work.job
        nodes = [node for node in nodes_with_queues(job.cluster) if not job.node_ids or node.pk in job.node_ids]
        if not nodes:
            return PlanOutcome(plan=Plan(()))
        profile = plain_profile(job.cluster)
        work.lease.progress(phase="counting messages")
        with ThreadPoolExecutor(len(nodes), "count") as pool:
            parts = list(pool.map(lambda node: closing(lambda: _planned(node, profile)), nodes))
        work.lease.check()
        refused = [problem for part in parts for problem in part.problems]
        # who is refused has its own target, which says so: what others moved is not all
        targets = tuple(part.node_id for part in parts if part.steps or part.away or part.problems)
        if refused and not any(part.steps or part.away for part in parts):
            raise Refused(refused[0].code, " ".join(problem.detail for problem in refused))
        return PlanOutcome(plan=Plan(tuple(parts)), targets=targets, summary=_summary(parts))

    def run_target(self, work: TargetWork) -> TargetOutcome:
        """One node's messages. Where it works is read from its files again."""
        profile = plain_profile(work.job.cluster)
        node = next((one for one in nodes_with_queues(work.job.cluster) if one.pk == work.node.pk), work.node)
        with open_node(node) as link:
            way, approved = way_of(link, node, profile), work.node_plan.detail
            if way is None and approved is None:  # it was away when the plan was made
                return TargetOutcome(TargetState.VERIFIED, {"moved": 0})
            if way is None or (approved is not None and approved != way.words):
                text = f"{node} works in another folder than when the plan was made. Nothing was moved. Plan again."
                return TargetOutcome(TargetState.HALTED, error_code="plan_outdated", error=text)
            return _Run(work, link, way, profile).run()


def _planned(node: Node, profile: Profile) -> NodePlan:
    try:
        with open_node(node) as link:
            way = way_of(link, node, profile)
            if way is None:
                return NodePlan(node.pk, node.name)
            if unmounted := _unmounted(link, node, way):
                raise Refused(unmounted[0].code, unmounted[0].text, unmounted[0].remedy)
            tally = _count(link, way, profile)
            back = _count(link, begun_there(way), profile) if _goes_back(node, way) else Tally()
    except NodeError as error:
        if error.retryable:
            return NodePlan(node.pk, node.name, away=str(error), away_code=error.code)
        return NodePlan(node.pk, node.name, problems=(Problem(node.name, error.code, f"{node}: {error}"),))
    except Refused as refused:
        return NodePlan(node.pk, node.name, problems=(Problem(node.name, refused.code, refused.detail),))
    problems = [
        Problem(folder, "unreadable", f"{node}: {folder or way.words.source} cannot be listed")
        for folder in _unread(tally, way)
    ]
    return NodePlan(node.pk, node.name, (*_steps(tally, way), *begun_of(back)), way.words, tuple(problems))


def _unmounted(link: NodeLink, node: Node, way: Way) -> list[Reason]:
    """Why one of the two folders would not be on its share: then what lies there is not what the servers share, and
    what comes there is seen by nobody else. Windows' UNC paths lead to the share or nowhere."""
    return not_mounted_there(link, node, (way.source, way.target))


def _goes_back(node: Node, way: Way) -> bool:
    """Whether a move into the folder in which the node works now may have been cut short: into the shared
    queues, or out of them, by the primary alone."""
    return node.role == NodeRole.PRIMARY and not way.words.begun


def _steps(tally: Tally, way: Way) -> tuple[QueueMove, ...]:
    return begun_of(tally) if way.words.begun else moves_of(tally, way.words.used)


def _unread(tally: Tally, way: Way) -> list[str]:
    return [folder for folder in tally.unread if not (way.words.begun or is_used(folder, way.words.used))]


def _count(link: NodeLink, way: Way, profile: Profile) -> Tally:
    """What lies in the folder that is given up; nothing where it is not there. Raises NodeError."""
    try:
        return count_queues(link, way.source, profile)
    except RemoteFileMissing:
        return Tally()


def _summary(parts: list[NodePlan]) -> dict[str, Any]:
    return {
        "messages": sum(step.messages for part in parts for step in part.steps),
        "by_node": {part.node_name: {step.queue: step.messages for step in part.steps} for part in parts if part.steps},
    }


class _Run:
    """One try of one node."""

    def __init__(self, work: TargetWork, link: NodeLink, way: Way, profile: Profile) -> None:
        self.work, self.link, self.way, self.profile = work, link, way, profile
        self.tag = f"{work.node.pk}.{work.target.pk}.{work.lease.fence}"

    def run(self) -> TargetOutcome:
        """From the count before to the count after, which is the proof."""
        if unmounted := _unmounted(self.link, self.work.node, self.way):
            return self._not_mounted(unmounted)
        back = begun_there(self.way)
        if _goes_back(self.work.node, self.way) and begun_of(_count(self.link, back, self.profile)):
            self._move(back, marked=True)
        before = _count(self.link, self.way, self.profile)
        steps = _steps(before, self.way)
        count = sum(step.messages for step in steps)
        self.work.lease.progress(files_total=count, phase=f"moving {many(count, 'message')}")
        try:
            mover = self._move(self.way, marked=bool(steps))
        except RemoteFileMissing:
            return self._waits("not_there", f"{self.way.words.target} is not there. Is its share mounted?")
        after = _count(self.link, self.way, self.profile)
        if unmounted := _unmounted(self.link, self.work.node, self.way):  # what was counted last proves nothing then
            return self._not_mounted(unmounted)
        self.work.lease.boundary("queue-counted")
        return self._judged(before, after, mover.moved)

    def _move(self, way: Way, *, marked: bool) -> Mover:
        mover = Mover(self.link, way, self.profile, self.work.lease, self.tag)
        if marked:
            mover.mark()
        mover.run()
        if not mover.on_its_way:
            mover.unmark()
        return mover

    def _judged(self, before: Tally, after: Tally, moved: Moved) -> TargetOutcome:
        left, unread = _steps(after, self.way), _unread(after, self.way)
        evidence = self._evidence(before, after, moved)
        if not left and not unread and not after.more:
            return TargetOutcome(TargetState.VERIFIED, evidence)
        count = sum(step.messages for step in left)
        if moved.stuck or unread:
            why = "; ".join([*moved.stuck, *(f"{folder} cannot be listed" for folder in unread)][:SHOWN])
            text = f"{many(count, 'message')} could not be moved: {why}."
            return TargetOutcome(TargetState.FAILED, evidence, "messages_left", text)
        text = f"{many(count, 'message')} came a moment ago, or are held open; they are looked at again."
        return self._waits("messages_arriving", text, evidence)

    def _not_mounted(self, why: Sequence[Reason]) -> TargetOutcome:
        return self._waits(why[0].code, f"{why[0].text} {why[0].remedy}".strip())

    def _waits(self, code: str, text: str, evidence: dict[str, Any] | None = None) -> TargetOutcome:
        return TargetOutcome(TargetState.WAITING, evidence or {}, code, text, retry_after=SETTLE_NS / 1e9)

    def _evidence(self, before: Tally, after: Tally, moved: Moved) -> dict[str, Any]:
        return {
            "from": self.way.words.source,
            "to": self.way.words.target,
            "before": before.by_queue,
            "after": after.by_queue,
            "moved": moved.messages,
            "bytes": moved.size,
            "renamed": moved.renamed[:SHOWN],
            "still_used": list(self.way.words.used),
        }
