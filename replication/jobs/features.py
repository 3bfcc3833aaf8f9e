"""The kind `features`: switch off what does not go with clustering on the primary, remember it, and give it back.

The secondaries follow by replication. A plan holds the whole new files and shows each changed line; a person always
approves it.
"""

from __future__ import annotations

import difflib
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from nodes.connect import NodeLink, open_node
from nodes.enums import NodeRole
from nodes.health.readings import Switch
from nodes.models import Cluster, FeatureMemory, Node
from nodes.products.ini import IniDocument, IniError
from nodes.products.profile import FeatureRule, PathClass, Profile
from nodes.reader import Reader
from nodes.selectors import profile_of
from nodes.selectors.readings import features_of
from nodes.services.feature_memory import note_switched, remember, remembered
from nodes.switches import read_switches, switches_in
from replication.apply.context import Context
from replication.apply.semaphores import tell
from replication.apply.staging import Staged, clean_up, stage
from replication.apply.swap import Swapped, swap
from replication.core.manifest import Problem
from replication.core.paths import RelPath
from replication.core.plan import Change, ChangeKind, Found, NodePlan, Plan, Wanted
from replication.core.states import TargetState
from replication.jobs.base import PlanOutcome, PlanWork, TargetOutcome, TargetWork
from replication.models import Job
from replication.objects import default_store
from replication.services.history import LostEdit, record_conflicts

OFF, RESTORE = "off", "restore"
_SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Edit:
    """One file as it is and as it shall be; `changed` are its switches as they are before."""

    path: RelPath
    before: bytes
    after: bytes
    changed: tuple[Switch, ...]

    @property
    def diff(self) -> tuple[str, ...]:
        """The lines that change, and no others: other lines of the file may be secret."""
        before, after = (content.decode("latin-1").splitlines() for content in (self.before, self.after))
        lines = difflib.unified_diff(before, after, self.path, self.path, n=0, lineterm="")
        return tuple(lines)


class FeaturesRunner:
    """Switch the incompatible features off, or give back what they were."""

    kind = "features"
    label = "Switch features that do not go with clustering"

    def parse_options(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """`to`: off (the default) or restore."""
        strange = ", ".join(sorted(set(raw) - {"to"}))
        if strange or raw.get("to", OFF) not in (OFF, RESTORE):
            raise ValidationError({"options": f"There is one option: to, which is {OFF} or {RESTORE}."})
        return {"to": raw.get("to", OFF)}

    def resources(self, job: Job) -> tuple[str, ...]:
        """No replication meanwhile."""
        return (f"cluster:{job.cluster_id}:config",)

    def plan(self, work: PlanWork) -> PlanOutcome:
        """Read the files, and say which lines would change. Changes nothing."""
        primary = _primary(work.job.cluster)
        if primary is None:
            text = "The cluster has no primary. Give one node the role primary."
            return PlanOutcome(error_code="no_primary", error=text)
        profile = profile_of(work.job.cluster)
        try:
            with open_node(primary) as link:
                edits = _edits(link, work.job, primary, features_of(work.job.cluster, profile))
        except IniError as error:
            return PlanOutcome(error_code="broken_ini", error=f"A file with a switch does not parse: {error}")
        for edit in edits:
            work.lease.event("info", "features.diff", "\n".join(edit.diff), {"path": edit.path})
        changes, problems = _changes(edits, profile)
        plan = Plan("", (NodePlan(primary.pk, primary.name, changes=changes, problems=problems),))
        targets = (primary.pk,) if changes else ()
        diff = [line for edit in edits for line in edit.diff]
        return PlanOutcome(plan=plan, targets=targets, needs_approval=True, summary={"diff": diff})

    def run_target(self, work: TargetWork) -> TargetOutcome:
        """Write exactly what was approved, and read it back."""
        with open_node(work.node) as link:
            tag = f"{work.target.pk}.{work.lease.fence}"
            context = Context(link, profile_of(work.job.cluster), default_store(), work.lease, tag)
            return _run(context, work)


def _primary(cluster: Cluster) -> Node | None:
    return Node.objects.select_related("credential", "cluster").filter(cluster=cluster, role=NodeRole.PRIMARY).first()


def _edits(link: NodeLink, job: Job, node: Node, rules: Sequence[FeatureRule]) -> list[Edit]:
    """The files that have to change. Raises NodeError, IniError."""
    reader = Reader(link)
    if job.options["to"] == RESTORE:
        return _restoring(reader, remembered(node.pk), {rule.code: rule.off for rule in rules})
    on = [switch for switch in read_switches(reader, rules) if switch.value is not None and not switch.is_off]
    wanted = [(switch, switch.off) for switch in on]
    return _edited(reader, wanted)


def _restoring(reader: Reader, memories: Sequence[FeatureMemory], off: Mapping[str, str]) -> list[Edit]:
    """Only switches that still stand at off: what somebody changed since stays."""
    wanted = [(_switch(row, off.get(row.feature, "")), row.value) for row in memories]
    return _edited(reader, wanted, only_off=True)


def _switch(row: FeatureMemory, off: str) -> Switch:
    return Switch(row.feature, row.path, row.section, row.key, off, None)


def _edited(reader: Reader, wanted: Sequence[tuple[Switch, str]], *, only_off: bool = False) -> list[Edit]:
    edits = []
    for path in dict.fromkeys(switch.path for switch, _ in wanted):
        before = reader.file(path)
        document, changed = IniDocument.parse(before), []
        for switch, value in (pair for pair in wanted if pair[0].path == path):
            now = _standing(document, switch)
            if now.value is not None and (now.is_off or not only_off):
                document = document.set(now.section, now.key, value)
                changed.append(now)
        if document.to_bytes() != before:
            edits.append(Edit(RelPath(path), before, document.to_bytes(), tuple(changed)))
    return edits


def _standing(document: IniDocument, switch: Switch) -> Switch:
    value = document.get(switch.section, switch.key)
    return Switch(switch.feature, switch.path, switch.section, switch.key, switch.off, value)


def _changes(edits: Sequence[Edit], profile: Profile) -> tuple[tuple[Change, ...], tuple[Problem, ...]]:
    """Each edit as a step; a file that is no configuration is refused."""
    changes, problems = [], []
    store = default_store()
    for edit in edits:
        ruling = profile.classify(edit.path)
        if ruling.path_class != PathClass.CONFIG:
            text = f"It is {ruling.path_class} by the profile and is never written."
            problems.append(Problem(edit.path, "not_config", text))
            continue
        store.put(edit.after, secret=ruling.secret)
        wanted = Wanted(_digest(edit.after), len(edit.after), time.time_ns() // _SECOND * _SECOND, shared=False)
        found = Found(_digest(edit.before), len(edit.before), 0)
        changes.append(
            Change(ChangeKind.UPDATE, edit.path, wanted, found, ruling.group, ruling.semaphore, str(ruling.effect))
        )
    return tuple(changes), tuple(problems)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _run(context: Context, work: TargetWork) -> TargetOutcome:
    reader, changes = Reader(context.link), work.node_plan.changes
    there = {change.path: reader.file(change.path) for change in changes}
    strange = [change.path for change in changes if _digest(there[change.path]) not in _expected(change)]
    if strange:
        text = f"{strange[0]} changed since the plan was made. Nothing was written. Plan again."
        return TargetOutcome(TargetState.HALTED, error_code="plan_outdated", error=text)
    rules = features_of(work.job.cluster, context.profile)
    off = work.job.options["to"] == OFF
    open_changes = [change for change in changes if _digest(there[change.path]) != _wanted(change).sha256]
    if off:
        before = [one for change in open_changes for one in _on(rules, change.path, there[change.path])]
        with work.lease.transaction():
            remember(node_id=work.node.pk, job_number=work.job.pk, switches=before)
    work.lease.boundary("features-remembered")
    swapped = _write(context, open_changes)
    if swapped.edits:
        edits = [LostEdit(one.path, one.content, one.size, one.secret, {}) for one in swapped.edits]
        with work.lease.transaction():
            record_conflicts(node_id=work.node.pk, job_id=work.job.pk, edits=edits)
    if swapped.blocked:
        text = f"Held open: {', '.join(sorted(swapped.blocked))}."
        return TargetOutcome(TargetState.BLOCKED, error_code="blocked", error=text)
    told = tell(context, sorted({change.semaphore for change in changes if change.semaphore}))
    return _proven(context, work, rules, told.taken)


def _expected(change: Change) -> tuple[str, ...]:
    """What may be there: what the plan saw, or, after a worker's death, what it wants."""
    return (_wanted(change).sha256, *((change.found.sha256,) if change.found else ()))


def _wanted(change: Change) -> Wanted:
    if change.wanted is None:
        raise ValueError(f"{change.path}: this kind of job only updates files")
    return change.wanted


def _on(rules: Sequence[FeatureRule], path: str, content: bytes) -> list[Switch]:
    document = IniDocument.parse(content)
    found = [switch for rule in rules if rule.key and rule.path == path for switch in switches_in(rule, document)]
    return [switch for switch in found if switch.value is not None and not switch.is_off]


def _write(context: Context, changes: Sequence[Change]) -> Swapped:
    """Stage and swap; answers what is held open, and edits that came in between."""
    staged, swapped = Staged(), Swapped()
    try:
        stage(context, changes, staged)
        swap(context, changes, staged, swapped)
    finally:
        clean_up(context, staged, swapped.undo)
    return swapped


def _proven(context: Context, work: TargetWork, rules: Sequence[FeatureRule], taken: Sequence[str]) -> TargetOutcome:
    """Read back: the bytes are those approved, and the switches stand as they should."""
    reader = Reader(context.link)
    for change in work.node_plan.changes:
        if _digest(reader.file(change.path)) != _wanted(change).sha256:
            text = f"{change.path} was changed again by the node's own server."
            return TargetOutcome(TargetState.CONTENDED, error_code="contended", error=text)
    switches = read_switches(reader, rules)
    off = work.job.options["to"] == OFF
    evidence = {"switches": [f"[{one.section}] {one.key}={one.value} in {one.path}" for one in switches]}
    return TargetOutcome(
        TargetState.VERIFIED,
        evidence={**evidence, "semaphores_taken": list(taken), "files_proven": len(work.node_plan.changes)},
        record=lambda: note_switched(node=work.node, job_number=work.job.pk, off=off, read_back=switches),
    )
