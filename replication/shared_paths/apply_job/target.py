"""The primary's part: folders, what is remembered, files, proof. A secondary's: to be seen holding the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.errors import Refused
from nodes.clusters.selectors import plain_profile
from nodes.connection.connect import open_node
from nodes.connection.reader import Reader
from nodes.enums import REPLICATED
from nodes.errors import NodeError, RemoteFileMissing
from nodes.facts.tasks import observe_soon
from nodes.products.ini import IniDocument, IniEdit, IniError
from nodes.shares.selectors.former import remembered
from nodes.shares.services.former import Written, identity, note_restored, remember
from replication.configuration.core.file_plans import RESTARTS
from replication.configuration.edited_files import EditedFiles, ReadBack
from replication.files.apply.context import Context
from replication.files.core.paths import RelPath
from replication.jobs.core.states import TARGET_TERMINAL, TargetState
from replication.jobs.models import Target
from replication.jobs.runner import TargetOutcome, TargetWork
from replication.shared_paths.apply_job.queued import queued_now
from replication.shared_paths.core.apply_plans import PathsPlan
from replication.shared_paths.core.values import WantedValue
from replication.shared_paths.mounted import not_mounted_there
from replication.shared_paths.selectors.kept import kept_by
from replication.shared_paths.services.keys import read_again
from replication.shared_paths.services.replicating import NOT_REPLICATED, awaited, request_replication


class PrimaryRun:
    """One try."""

    def __init__(self, context: Context, work: TargetWork, plan: PathsPlan) -> None:
        self.work, self.plan = work, plan
        self.link, self.profile, self.session = context.link, context.profile, context.link.session
        self.files = EditedFiles(context, work)
        self.made: list[str] = []

    def run(self) -> TargetOutcome:
        """From the folders to the proof."""
        self._make_folders()
        came = self.files.write(self._remember)
        return self._proven(came) if isinstance(came, ReadBack) else came

    def _make_folders(self) -> None:
        """Those that are not there, before any line names them. Raises NodeError, and Refused where they would not come
        to lie on their share: it may have been unmounted since the plan was made."""
        wanted = [folder.remote for folder in self.plan.folders]
        for reason in not_mounted_there(self.link, self.work.node, wanted):
            raise Refused(reason.code, reason.text, reason.remedy)
        there = zip(wanted, self.session.stat_many(wanted), strict=True)
        missing = [path for path, stat in there if stat is None or isinstance(stat, NodeError)]
        if missing:
            self.work.lease.check()
            for made in self.session.make_folders_many(missing):
                if isinstance(made, NodeError):
                    raise made
                self.made += made
        if self.made:
            self.work.lease.event("info", "shared_paths.folders", f"Made {', '.join(self.made)}.")
        self.work.lease.boundary("share-folders-made")

    def _remember(self, files: Mapping[RelPath, bytes]) -> None:
        values = [one for one in self.plan.values if one.path in files and one.held != one.value and not one.gives_back]
        with self.work.lease.transaction():
            remember(
                cluster_id=self.work.job.cluster_id,
                job_number=self.work.job.pk,
                written=[Written(one.role, one.path, one.section, one.key, one.held, one.value) for one in values],
            )

    def _proven(self, came: ReadBack) -> TargetOutcome:
        """The approved bytes are there; what was so already is read, too."""
        lacking = _lacking(self.files.reader, self.plan, dict(came.files))
        if lacking:
            text = f"{lacking[0].in_words}: it was changed since the plan was made."
            return TargetOutcome(TargetState.HALTED, error_code="plan_outdated", error=text)
        self.work.lease.boundary("paths-proven")
        changes = self.files.changes
        restarts = [f"{one.path} {RESTARTS[one.effect]}" for one in changes if one.effect in RESTARTS]
        evidence = _evidence(self.plan, files_changed=len(changes)) | {
            "semaphores_taken": list(came.taken),
            "folders_made": self.made,
            "restart_pending": restarts,
        }
        evidence |= queued_now(self.link, self.work.node, self.profile, self.plan.values)
        return TargetOutcome(TargetState.VERIFIED, evidence=evidence, record=self._record)

    def _record(self) -> None:
        job, cluster = self.work.job, self.work.job.cluster
        back = {identity(one.path, one.section, one.key) for one in self.plan.values if one.gives_back}
        note_restored([row.pk for row in remembered(cluster) if identity(row.path, row.section, row.key) in back])
        others = Target.objects.filter(job=job).exclude(node=self.work.node)
        if others.exists():
            request_replication(cluster, job)
        if not self.files.changes:  # the others may hold it already
            others.filter(state=TargetState.WAITING, error_code=NOT_REPLICATED).update(not_before=None)
        read_again(cluster)
        observe_soon(self.work.node.pk)


def secondary_run(work: TargetWork, plan: PathsPlan) -> TargetOutcome:
    """Read whether the node holds what the primary was proven to hold. Raises NodeError, Refused."""
    if work.node.joining not in REPLICATED:
        raise Refused("not_joined", f"{work.node.name} is leaving the cluster, or has left it; nothing comes there.")
    primary = Target.objects.filter(job=work.job, node=plan.primary).first()
    state = TargetState(primary.state) if primary else TargetState.CANCELLED
    if state != TargetState.VERIFIED:
        if state in TARGET_TERMINAL:
            text = "The primary was not brought there, so nothing comes here."
            return TargetOutcome(TargetState.CANCELLED, error_code="primary_first", error=text)
        return _waits("The primary comes first.")
    with open_node(work.node) as link:
        unmounted = not_mounted_there(link, work.node, [folder.remote for folder in plan.folders])
        if unmounted:
            return _waits(f"{unmounted[0].text} {unmounted[0].remedy}".strip())
        lacking = _lacking(Reader(link), plan, {})
        queued = {} if lacking else queued_now(link, work.node, plain_profile(work.job.cluster), plan.values)
    if lacking:
        kept = kept_by([work.node], lacking)
        why = kept[0] if kept else awaited(work.job.cluster, work.job)
        return _waits(f"Not there yet: {lacking[0].in_words}. {why}")
    work.lease.boundary("paths-seen")
    return TargetOutcome(
        TargetState.VERIFIED,
        evidence=_evidence(plan, files_changed=0) | queued,
        record=lambda: observe_soon(work.node.pk),
    )


def _waits(text: str) -> TargetOutcome:
    """By the engine's own back-off; whoever brings it there has this looked at at once (`replicating.look_again`)."""
    return TargetOutcome(TargetState.WAITING, error_code=NOT_REPLICATED, error=text)


def _lacking(reader: Reader, plan: PathsPlan, files: dict[RelPath, bytes]) -> list[WantedValue]:
    """The values that a node does not hold. `files`: those that were read already."""
    documents: dict[RelPath, IniEdit | None] = {}
    for path in dict.fromkeys(value.path for value in plan.values):
        try:
            documents[path] = IniEdit(IniDocument.parse(files.get(path) or reader.file(path)))
        except (RemoteFileMissing, IniError):
            documents[path] = None
    return [value for value in plan.values if not _holds(documents[value.path], value)]


def _holds(document: IniEdit | None, value: WantedValue) -> bool:
    """Whether the first such key, which is the one that Windows reads, has the value."""
    return document is not None and document.values(value.section, value.key)[:1] == (value.value,)


def _evidence(plan: PathsPlan, *, files_changed: int) -> dict[str, Any]:
    return {
        "values": [value.in_words for value in plan.values],
        "files_proven": len({value.path for value in plan.values}),
        "files_changed": files_changed,
    }
