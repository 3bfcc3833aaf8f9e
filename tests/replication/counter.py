"""A kind of job without configuration files: it moves a number that stands in a small file on each node, in two phases.

`stage` puts the new number beside the old one, `activate` lets it take its place; both are given back. The nodes are
real: every look and every change goes over SSH.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from django import forms
from django.core.exceptions import ValidationError
from msgspec import Meta

from nodes.connection.connect import NodeLink, open_node
from nodes.errors import AuthRejected, NodeError, RemoteFileMissing, Unreachable
from nodes.registry.models import Node
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.plan_json import PlanCodec
from replication.jobs.core.plan_text import (
    Item,
    NodeText,
    PlanText,
    PlanWords,
    Section,
    StepLine,
)
from replication.jobs.core.states import TargetState
from replication.jobs.forms import RequestForm
from replication.jobs.kinds import (
    Kind,
    Offer,
    Slot,
    kind_of,
    register,
)
from replication.jobs.models import Job
from replication.jobs.runner import (
    PlanOutcome,
    PlanWork,
    TargetOutcome,
    TargetWork,
)

WORD, FILE, BESIDE = "counter", "counter", "counter.next"
STAGE, ACTIVATE = "stage", "activate"

Count = Annotated[int, Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class Move:
    """One step: the counter goes from a number to another."""

    before: Count
    after: Count


@dataclass(frozen=True, slots=True)
class Dial:
    """What the plan says of a node besides."""

    digits: Count


@dataclass(frozen=True, slots=True)
class Stride:
    """What the plan says of all nodes."""

    by: Count


def read(link: NodeLink, name: str) -> int | None:
    try:
        return int(b"".join(link.session.read(f"{link.root}/{name}", most=1 << 30)))
    except RemoteFileMissing:
        return None


def write(link: NodeLink, name: str, number: int) -> None:
    """Whole or not at all."""
    fresh = f"{link.root}/{name}.tmp"
    link.session.remove_many([fresh])
    link.session.write_new(fresh, [str(number).encode()])
    for trouble in link.session.replace_many([(fresh, f"{link.root}/{name}")]):
        if isinstance(trouble, NodeError):
            raise trouble


def remove(link: NodeLink, name: str) -> None:
    link.session.remove_many([f"{link.root}/{name}"])


class CounterRunner:
    """Options: by; fail {node: phase or give_back}; away {node: a file; while it is there, it does not answer}."""

    def plan(self, work: PlanWork) -> PlanOutcome:
        by = work.job.options["by"]
        nodes = list(Node.objects.filter(cluster=work.job.cluster_id).order_by("name"))
        asked = work.job.node_ids
        parts = tuple(self._look(node, by) for node in nodes if not asked or node.pk in asked)
        work.lease.boundary("counters-read")
        targets = tuple(part.node_id for part in parts)
        return PlanOutcome(plan=Plan(parts, detail=Stride(by)), targets=targets, needs_approval=True)

    def _look(self, node: Node, by: int) -> NodePlan:
        with open_node(node) as link:
            number = read(link, FILE) or 0
        return NodePlan(node.pk, node.name, (Move(number, number + by),), Dial(len(str(number))))

    def run_target(self, work: TargetWork) -> TargetOutcome:
        (move,) = work.node_plan.steps
        self._stumble(work, work.phase)
        with open_node(work.node) as link:
            now = read(link, FILE)
            if now not in ({move.before} if work.phase == STAGE else {move.before, move.after}):
                text = f"The counter is {now} by now. Plan again."
                return TargetOutcome(TargetState.HALTED, error_code="plan_outdated", error=text)
            work.lease.check()
            if work.phase == STAGE:
                write(link, BESIDE, move.after)
                work.lease.boundary("counter-staged")
                proven = read(link, BESIDE) == move.after
            else:
                write(link, FILE, move.after)
                work.lease.boundary("counter-moved")
                remove(link, BESIDE)
                work.lease.boundary("counter-cleaned")
                proven = read(link, FILE) == move.after
        return TargetOutcome(TargetState.VERIFIED if proven else TargetState.CONTENDED, {work.phase: move.after})

    def give_back(self, work: TargetWork) -> TargetOutcome:
        (move,) = work.node_plan.steps
        self._stumble(work, "give_back")
        with open_node(work.node) as link:
            work.lease.check()
            if read(link, FILE) == move.after:
                write(link, FILE, move.before)
            work.lease.boundary("counter-back")
            remove(link, BESIDE)
            work.lease.boundary("counter-swept")
            number = read(link, FILE)
        return TargetOutcome(TargetState.VERIFIED, {"number": number})

    def _stumble(self, work: TargetWork, act: str) -> None:
        name, options = work.node.name, work.job.options
        if Path(options["away"].get(name, "/nonexistent")).exists():
            raise Unreachable("it does not answer")
        if options["fail"].get(name) == act:
            raise AuthRejected(f"{act}: on purpose")


def parse_options(raw: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(raw.get("by"), int) or raw["by"] < 1:
        raise ValidationError({"by": "Say by how much: 1 or more."})
    return {"fail": {}, "away": {}, **raw}


class CounterForm(RequestForm):
    """By how much."""

    by = forms.IntegerField(label="By how much")

    def options(self) -> dict[str, Any]:
        return {"by": self.cleaned_data["by"]}


def _line(move: Move) -> StepLine:
    return StepLine("move", FILE, f"from {move.before} to {move.after}", bytes=len(str(move.after)))


def _node(part: NodePlan) -> NodeText:
    words = f"{part.detail.digits} digits"
    return NodeText((Section("Dials", words, (Item("dial", words),)),))


def _resources(job: Job) -> tuple[str, ...]:
    return (f"cluster:{job.cluster_id}:counter",)


def install() -> Kind:
    """The kind, registered once."""
    kind = kind_of(WORD) or Kind(
        word=WORD,
        label="Move the counters",
        runner=CounterRunner(),
        parse_options=parse_options,
        resources=_resources,
        codec=PlanCodec(WORD, Move, Dial, Stride, makes_sense=lambda move: move.before != move.after),
        text=PlanText(_line, _node, lambda plan: PlanWords(f"each by {plan.detail.by}"), noun="turn"),
        offers=(Offer(Slot.REQUEST, order=90),),
        form=CounterForm,
        phases=(STAGE, ACTIVATE),
    )
    register(kind)
    return kind
