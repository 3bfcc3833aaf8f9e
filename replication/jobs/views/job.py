"""A job's page: how far it is, what it would do or did to each node, what stopped it, its log."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from accounts.principals import Principal
from accounts.requests import principal_of
from nodes.clusters.access import Rights
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.plan_text import (
    Numbers,
    PlanText,
    PlanWords,
    Section,
    StepLine,
    numbers_of,
)
from replication.jobs.core.states import JOB_TERMINAL, JobState, TargetState
from replication.jobs.forms import OverrideForm
from replication.jobs.kinds import kind_named, role_for
from replication.jobs.models import Job, Target
from replication.jobs.selectors.jobs import (
    events_of,
    is_any_worker_there,
    locks_of,
    targets_of,
    visible_jobs,
)
from replication.jobs.selectors.plans import Unreadable, stored_plan
from replication.jobs.selectors.progress import progress_of
from replication.jobs.services.overrides import holding
from replication.jobs.services.requests import FAILED_TARGETS
from replication.jobs.words import MAY_STAND, longest_phases, status_of_job

log = logging.getLogger(__name__)

SHOWN_CHANGES = 200
SHOWN_EVENTS = 300

BARS = frozenset({JobState.PLANNING, JobState.RUNNING, JobState.CONVERGING, JobState.SUCCEEDED})
"""States in which a share of the whole says something; what ended otherwise says after how many files."""


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """A plan as far as a page shows it, in its kind's words."""

    plan: Plan
    words: PlanWords
    nodes: tuple[ShownNode, ...]
    noun: str

    @classmethod
    def of(cls, plan: Plan, text: PlanText) -> ShownPlan:
        """As far as it is shown."""
        return cls(plan, text.plan(plan), tuple(ShownNode.of(part, text) for part in plan.nodes), text.noun)

    @property
    def opened(self) -> int | None:
        """The node whose part is shown open: the only one with steps, or the only one."""
        busy = [part.node_id for part in self.plan.nodes if part.steps] or [part.node_id for part in self.plan.nodes]
        return busy[0] if len(busy) == 1 else None


@dataclass(frozen=True, slots=True)
class ShownNode:
    """One node's part of a plan: the first steps, and how many more there are."""

    part: NodePlan
    lines: tuple[StepLine, ...]
    more: int
    numbers: Numbers
    sections: tuple[Section, ...]

    @classmethod
    def of(cls, part: NodePlan, text: PlanText) -> ShownNode:
        """As far as it is shown."""
        lines = tuple(text.line(step) for step in part.steps[:SHOWN_CHANGES])
        more = max(0, len(part.steps) - SHOWN_CHANGES)
        return cls(part, lines, more, numbers_of(text, part), text.node(part).sections)


def visible_job(principal: Principal, job_id: int) -> Job:
    """The job, if the principal may see its cluster. Raises Http404."""
    return get_object_or_404(visible_jobs(principal).select_related("snapshot", "retry_of"), pk=job_id)


def job(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole page."""
    principal = principal_of(request)
    row = visible_job(principal, pk)
    every_event = request.GET.get("log") == "all"
    events = events_of(row, last=None if every_event else SHOWN_EVENTS)
    context = _moving(row)
    context |= _standing(principal, row, context["targets"]) | {"events": events, "last_event": _last(events)}
    context["older_events"] = not every_event and len(events) == SHOWN_EVENTS
    return render(request, "replication/jobs/job.html", context)


def live(request: HttpRequest, pk: int) -> HttpResponse:
    """What moved since the page was drawn: progress always, new log lines, and where the state is another one than
    `was`, the rest of the page too. Once the job has ended the answer asks for nothing more."""
    principal = principal_of(request)
    row = visible_job(principal, pk)
    after = request.GET.get("after", "")
    events = events_of(row, after=int(after) if after.isdecimal() and len(after) < 19 else 0)
    context = _moving(row) | {"events": events, "last_event": _last(events) or after}
    if request.GET.get("was") != row.state:
        context |= _standing(principal, row, context["targets"]) | {"changed": True}
    return render(request, "replication/jobs/job_live.html", context)


def _last(events: list[Any]) -> int | str:
    return events[-1].pk if events else 0


def _moving(row: Job) -> dict[str, Any]:
    targets = list(targets_of(row))
    progress = progress_of(row, targets)
    ended = JobState(row.state) in JOB_TERMINAL
    return {
        "job": row,
        "status": status_of_job(row),
        "targets": targets,
        "progress": progress,
        "planning_times": longest_phases([row]),
        "node_times": longest_phases(targets),
        "shows_bar": row.state in BARS and progress.percent is not None,
        "no_worker": row.worked_since is None and JobState(row.state) in MAY_STAND and not is_any_worker_there(),
        "ended": ended,
        "shows_files": bool(progress.files_total) or not ended,
        "locks": list(locks_of(row)),
    }


def _standing(principal: Principal, row: Job, targets: Sequence[Target]) -> dict[str, Any]:
    """What changes with the state only."""
    shown, trouble = _shown_plan(row)
    rights = Rights.on(principal, row.cluster_id)
    may_ask = rights.include(role_for(row.kind))
    return {
        "rights": rights,
        "shown": shown,
        "plan_trouble": trouble,
        "brakes": row.plan_summary.get("brakes", []),
        "halted_targets": [part for part in targets if part.state == TargetState.HALTED],
        "override_form": OverrideForm(codes=list(holding(row).items()), auto_id="override-%s"),
        "may_approve": may_ask and row.state == JobState.AWAITING_APPROVAL,
        "may_cancel": JobState(row.state) not in JOB_TERMINAL and not row.cancel_requested_at,
        "may_retry": may_ask and row.state in (JobState.FAILED, JobState.CANCELLED),
        "failed_states": {state.value for state in FAILED_TARGETS},
    }


def _shown_plan(row: Job) -> tuple[ShownPlan | None, str]:
    """The plan, or why it cannot be shown; a page about a job never breaks over it."""
    try:
        plan = stored_plan(row)
    except Unreadable as error:
        log.warning("%s", error)
        return None, "The stored plan cannot be read. Cancel the job, or retry it to plan again."
    if plan is None:
        return None, ""
    return ShownPlan.of(plan, kind_named(row.kind).text), ""
