"""Edits that were made on a secondary and are about to be overwritten: written down as conflicts."""

from __future__ import annotations

from collections.abc import Iterable

from nodes.products.ini import IniError
from nodes.products.ini_render import IniKey, key_conflicts
from nodes.products.profile import Profile
from replication.configuration.services.history import LostEdit, record_conflicts
from replication.files.apply.context import Overwritten
from replication.files.core.changes import KeptKey, NodeFiles
from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath
from replication.jobs.runner import TargetWork
from replication.objects import Store


class EditKeeper:
    """Keeps one target's edits. `kept`: how many conflicts were new."""

    def __init__(self, work: TargetWork, profile: Profile, store: Store, baseline: Manifest | None) -> None:
        self._work = work
        self._profile = profile
        self._store = store
        self._proven = baseline.files if baseline else {}
        self.kept = 0

    def record(self, edits: Iterable[Overwritten]) -> None:
        """Write conflicts down before anything is overwritten, or at once after a late edit was found."""
        lost = [self._lost(edit) for edit in edits]
        if not lost:
            return
        node, lease = self._work.node, self._work.lease
        with lease.transaction():
            new = record_conflicts(node_id=node.pk, job_id=self._work.job.pk, edits=lost)
        self.kept += new
        names = ", ".join(edit.path for edit in lost[:5])
        text = f"{len(lost)} edits made on {node.name} are kept as conflicts before they are overwritten: {names}"
        lease.event("warning", "conflict.kept", text)

    def _lost(self, edit: Overwritten) -> LostEdit:
        return LostEdit(edit.path, edit.content, edit.size, edit.secret, self._ini_detail(edit))

    def _kept_keys(self) -> tuple[KeptKey, ...]:
        files: NodeFiles | None = self._work.node_plan.detail
        return files.kept if files else ()

    def _ini_detail(self, edit: Overwritten) -> dict[str, object]:
        """Which keys of an ini file were edited; never values of a secret file."""
        proven = self._proven.get(RelPath(edit.path))
        if not self._profile.classify(edit.path).ini or proven is None or not edit.content or edit.secret:
            return {}
        kept = [IniKey(key.section, key.key) for key in self._kept_keys() if key.path == edit.path]
        try:
            conflicts = key_conflicts(self._store.get(proven.sha256), self._store.get(edit.content), kept)
        except IniError as error:
            return {"unreadable": str(error)}
        return {"keys": [[one.section, one.key] for one in conflicts]}
