"""The plans of kinds that change files, put into words."""

from __future__ import annotations

from collections.abc import Mapping

from nodes.counted import many
from nodes.products.profile import Effect
from replication.files.core.changes import (
    Change,
    ChangeKind,
    KeptKey,
    NodeFiles,
    PrimaryFiles,
)
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.plan_text import (
    FileFacts,
    Item,
    NodeText,
    PlanText,
    PlanWords,
    Section,
    StepLine,
)

SHOWN_EXTRAS = 100
"""Files that only a node has, as far as a page lists them."""

RESTARTS: Mapping[str, str] = {
    Effect.RESTART_SERVICE: "counts once its service is restarted",
    Effect.RESTART_SERVER: "counts once the mail server is restarted",
}
"""What must happen for a changed file to count, where dropping a semaphore is not enough."""


def content_of(plan: Plan) -> set[str]:
    """Objects of the store that the plan will write."""
    return {change.wanted.sha256 for node in plan.nodes for change in node.steps if change.wanted}


def _line(change: Change) -> StepLine:
    wanted, found = change.wanted, change.found
    return StepLine(
        verb=change.kind.value,
        subject=change.path,
        detail=change.semaphore or RESTARTS.get(change.effect, ""),
        bytes=change.bytes,
        size=wanted.size if wanted else None,
        conflict=change.conflict,
        file=FileFacts(
            mtime_ns=wanted.mtime_ns if wanted else None,
            found_size=found.size if found else None,
            group=change.group,
            semaphore=change.semaphore,
            effect=change.effect,
        ),
        label="Set its time" if change.kind is ChangeKind.TOUCH else "",
    )


def _node(part: NodePlan) -> NodeText:
    files: NodeFiles = part.detail or NodeFiles()
    sections = []
    if files.kept:
        items = tuple(Item(_key(key), "" if key.answered else "not answered; kept") for key in files.kept)
        sections.append(Section("Ini keys that stay its own", f"{many(len(items), 'ini key')} kept", items))
    if files.extras:
        items = tuple(Item(path) for path in files.extras[:SHOWN_EXTRAS])
        summary = f"{many(len(files.extras), 'file')} of its own"
        sections.append(Section("Files only it has: left alone", summary, items))
    return NodeText(tuple(sections), files.kept, files.extras)


def _key(kept: KeptKey) -> str:
    return f"{kept.path} [{kept.section}] {kept.key}"


def _plan(plan: Plan) -> PlanWords:
    primary: PrimaryFiles | None = plan.detail
    unclassified = primary.unclassified if primary else ()
    said = [f"{many(len(unclassified), 'unsorted path')} left alone"] if unclassified else []
    said += [f"{many(len(plan.problems), 'problem')} on the primary"] if plan.problems else []
    return PlanWords("; ".join(said), unclassified)


FILE_TEXT = PlanText(line=_line, node=_node, plan=_plan)
