"""A kind of job made for tests: its "nodes" are lines in a journal file, so that threads and processes leave traces."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError

from nodes.errors import AuthRejected, LimitBroken, RemoteBusy, Unreachable
from nodes.registry.models import Node
from replication.jobs.core.plan import Brake, NodePlan, Plan
from replication.jobs.core.plan_json import PlanCodec
from replication.jobs.core.plan_text import PlanText, StepLine
from replication.jobs.core.states import TargetState
from replication.jobs.kinds import Kind, kind_of, register
from replication.jobs.models import Job
from replication.jobs.runner import (
    PlanOutcome,
    PlanWork,
    TargetOutcome,
    TargetWork,
)

ERRORS = {
    "unreachable": Unreachable,
    "auth": AuthRejected,
    "busy": RemoteBusy,
    "limit": LimitBroken,
    "bug": ZeroDivisionError,
}


@dataclass(frozen=True, slots=True)
class Written:
    """One change that a worker made."""

    pid: int
    node: str
    fence: int
    step: int
    at: float


class ToyRunner:
    """Options: journal (file), steps, pace (seconds a step), fail {node: error}, fail_tries, state {node: word},
    approval, brake (code), plan_error, plan_steps, away (names of nodes that did not answer while planning)."""

    def plan(self, work: PlanWork) -> PlanOutcome:
        options = work.job.options
        write(options, work.job.kind, work.lease.fence, -1)
        for _ in range(options.get("plan_steps", 0)):
            work.lease.check()
            work.lease.progress(files=1, phase="looking")
            time.sleep(options["pace"])
        if "plan_error" in options:
            raise ERRORS[options["plan_error"]]("on purpose")
        nodes = Node.objects.filter(cluster=work.job.cluster_id).order_by("pk")
        asked = work.job.node_ids
        away = options.get("away", ())
        parts = tuple(
            NodePlan(node.pk, node.name, away="it does not answer", away_code=Unreachable.code)
            if node.name in away
            else NodePlan(node.pk, node.name)
            for node in nodes
            if not asked or node.pk in asked
        )
        brakes = (Brake(options["brake"], "", "It shrank by half.", "Override it."),) if options.get("brake") else ()
        return PlanOutcome(
            plan=Plan(parts, brakes=brakes),
            targets=tuple(part.node_id for part in parts),
            needs_approval=bool(options.get("approval")),
        )

    def run_target(self, work: TargetWork) -> TargetOutcome:
        options, name = work.job.options, work.node.name
        work.lease.progress(files_total=options["steps"], bytes_total=10 * options["steps"])
        for step in range(options["steps"]):
            work.lease.check()
            write(options, name, work.lease.fence, step)
            work.lease.progress(files=1, bytes=10, phase=f"step {step}")
            work.lease.event("info", "toy.step", f"step {step}")
            work.lease.boundary(f"step-{step}")
            time.sleep(options["pace"])
        if name in options["fail"] and work.target.attempt <= options["fail_tries"]:
            raise ERRORS[options["fail"][name]]("on purpose")
        state = TargetState(options["state"].get(name, "verified"))
        return TargetOutcome(
            state, evidence={"steps": options["steps"]}, error_code="" if state == "verified" else "toy"
        )


def write(options: Mapping[str, Any], node: str, fence: int, step: int) -> None:
    line = f"{os.getpid()} {node} {fence} {step} {time.monotonic()}\n"
    with Path(options["journal"]).open("a") as journal:
        journal.write(line)


def read(journal: Path) -> list[Written]:
    """What was done so far, without the planning lines."""
    if not journal.exists():
        return []
    words = [line.split() for line in journal.read_text().splitlines()]
    rows = [Written(int(pid), node, int(fence), int(step), float(at)) for pid, node, fence, step, at in words]
    return [row for row in rows if row.step >= 0]


def plannings(journal: Path) -> int:
    return sum(" -1 " in line for line in journal.read_text().splitlines()) if journal.exists() else 0


def parse_options(raw: Mapping[str, Any]) -> dict[str, Any]:
    if raw.get("steps", 0) < 0:
        raise ValidationError({"options": "steps must not be negative"})
    return {"steps": 1, "pace": 0.0, "fail": {}, "fail_tries": 99, "state": {}, **raw}


def resources(job: Job) -> tuple[str, ...]:
    return (f"cluster:{job.cluster_id}:config",)


def install() -> None:
    if kind_of("toy") is None:
        register(
            Kind(
                "toy",
                "Toy",
                ToyRunner(),
                parse_options,
                resources,
                PlanCodec("toy", str),
                PlanText(lambda word: StepLine("do", word)),
            )
        )
