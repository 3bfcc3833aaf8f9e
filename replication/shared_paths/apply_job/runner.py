"""Planning: which lines of the primary's files change so that folders lie on the share, or where they lay before."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from accounts.errors import Reason, Refused
from nodes.connection.connect import open_node
from nodes.counted import many
from nodes.enums import Health, NodeRole
from nodes.errors import NodeError
from nodes.facts.selectors.facts import profile_of
from nodes.products.ini import IniError
from replication.files.apply.context import Context
from replication.files.core.manifest import Problem
from replication.files.edits import changes_of
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.states import TargetState
from replication.jobs.runner import PlanOutcome, PlanWork, TargetOutcome, TargetWork
from replication.objects import default_store
from replication.shared_paths.apply_job.look import Look, Looker
from replication.shared_paths.apply_job.queued import queued_before, with_queued
from replication.shared_paths.apply_job.reasons import reasons_against, warnings
from replication.shared_paths.apply_job.scope import WINDOWS, Scope, check_set, mount_reasons, scope_of
from replication.shared_paths.apply_job.target import PrimaryRun, secondary_run
from replication.shared_paths.core.apply_plans import Folder, NodeWords, PathsPlan, Said, parts_of
from replication.shared_paths.mounted import not_mounted_there

BY_HAND = "Setup | Cluster Service | Shared Network Paths, on the primary"
TOLD = 10
"""Reasons that are told of a refusal; a dry run tells all."""


class SharedPathsRunner:
    """Write shared paths on the primary, or give back what stood there, and prove it on every node."""

    def plan(self, work: PlanWork) -> PlanOutcome:
        """Read the primary's files and folders, and say which lines would change. Changes nothing. A dry run tells what
        would refuse the job with the plan."""
        scope = scope_of(work.job)
        check_set(scope)
        if scope.to_share:
            _refuse(mount_reasons(scope))
        try:
            with open_node(scope.primary) as link:
                look = Looker(scope, link).look()
            look.unmounted += _unmounted_elsewhere(scope, look)
        except IniError as error:
            raise Refused("broken_ini", f"A file with a folder's place does not parse: {error}") from error
        against = reasons_against(scope, look)
        if not look.values:
            against = [_nothing_known(scope, look), *against]
        if not work.job.dry_run:
            _refuse(against)
        return _planned(work, scope, look, against)

    def run_target(self, work: TargetWork) -> TargetOutcome:
        """Write on the primary exactly what was approved; see on a secondary whether it came there."""
        detail: PathsPlan = work.plan.detail
        if work.node.pk != detail.primary:
            return secondary_run(work, detail)
        if work.node.role != NodeRole.PRIMARY:
            text = f"{work.node.name} is not the primary any more. Nothing was written. Plan again."
            return TargetOutcome(TargetState.HALTED, error_code="plan_outdated", error=text)
        with open_node(work.node) as link:
            tag = f"{work.target.pk}.{work.lease.fence}"
            context = Context(link, profile_of(work.job.cluster), default_store(), work.lease, tag)
            return PrimaryRun(context, work, detail).run()


def _unmounted_elsewhere(scope: Scope, look: Look) -> list[Reason]:
    """The same question to the others, which the paths come to by replication: one that mounts shares would work on a
    disk of its own. One that is known to be away is not waited for: it waits itself, when it is to be proven."""
    if not scope.to_share or scope.primary.platform == WINDOWS:
        return []
    wanted, found = [folder.remote for folder in look.folders], list[Reason]()
    for node in scope.served:
        if node.health == Health.DOWN:
            continue
        with suppress(NodeError), open_node(node) as link:
            found += not_mounted_there(link, node, wanted)
    return found


def _refuse(reasons: Sequence[Reason]) -> None:
    if len(reasons) == 1:
        raise Refused(reasons[0].code, reasons[0].text, reasons[0].remedy)
    if reasons:
        text = f"{len(reasons)} things stand against it{', the first of them' if len(reasons) > TOLD else ''}:"
        raise Refused(reasons[0].code, text, reasons=tuple(reasons[:TOLD]))


def _nothing_known(scope: Scope, look: Look) -> Reason:
    left = " ".join([*look.strange, *(f"{key} is not there." for key in look.missing)])
    if not scope.to_share:
        text = "No key holds what the portal wrote there any more."
        return Reason("nothing_to_give_back", f"{text} {left}".strip(), "")
    text = left or "Nobody confirmed where the servers' files say the place of any of these folders."
    return Reason("no_keys", text, f"Confirm the lines, or set the paths by hand: {BY_HAND}.")


def _planned(work: PlanWork, scope: Scope, look: Look, against: Sequence[Reason]) -> PlanOutcome:
    said = warnings(scope, look)
    for text in said:
        work.lease.event("warning", "shared_paths.warning", text)
    for edit in look.edits:
        lines = sum(line.startswith("@@") for line in edit.diff)
        text = f"{many(lines, 'line')} of {edit.path} would change; the plan shows them."
        work.lease.event("info", "shared_paths.diff", text, {"path": edit.path})
    changes = changes_of(look.edits, scope.profile)
    detail = PathsPlan(scope.primary.pk, work.job.options["to"], tuple(look.values), _folders(look))
    wait = NodeWords(
        parts_of(("Must hold", "line", "to be seen", [Said(value.in_words) for value in look.values])).parts
    )
    queued = queued_before(scope.cluster, look.values)
    words = with_queued(_words(scope, look, said), queued, scope.primary.pk)
    nodes = [NodePlan(scope.primary.pk, scope.primary.name, changes, words)]
    nodes += [NodePlan(node.pk, node.name, (), with_queued(wait, queued, node.pk)) for node in scope.served]
    problems = tuple(Problem("refused", one.code, f"{one.text} {one.remedy}".strip()) for one in against)
    return PlanOutcome(
        plan=Plan(tuple(nodes), problems=problems, detail=detail),
        targets=tuple(node.node_id for node in nodes),
        needs_approval=True,
        summary={
            "diff": [line for edit in look.edits for line in edit.diff],
            "by_hand": [f"{place.label}: {place.path}" for place in look.by_hand],
            "left": list(look.strange),
            "warnings": said,
        },
    )


def _folders(look: Look) -> tuple[Folder, ...]:
    unseen = {folder for folder, _ in look.unseen}
    return tuple(folder for folder in look.folders if folder not in unseen)


def _words(scope: Scope, look: Look, said: Sequence[str]) -> NodeWords:
    kept = [value for value in look.values if value.value == value.held]
    return parts_of(
        (
            "Lines before and after",
            "line",
            "of the difference",
            [Said(line) for edit in look.edits for line in edit.diff],
        ),
        ("Already so", "line", "so already", [Said(value.in_words) for value in kept]),
        ("Folders to be made", "folder", "to be made", [Said(folder.place, folder.label) for folder in look.to_make]),
        (
            "Folders that are given up",
            "folder",
            "given up",
            [Said(one.folder.place, one.in_words) for one in look.given_up],
        ),
        (
            "To be set by hand in MDaemon",
            "folder",
            "to be set by hand",
            [Said(str(one.path), f"{one.label}: {BY_HAND}") for one in look.by_hand],
        ),
        ("Left as they are", "key", "left alone", [Said(text) for text in look.strange]),
        ("To be known", "warning", "", [Said(text) for text in said]),
    )
