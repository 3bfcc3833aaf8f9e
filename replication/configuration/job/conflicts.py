"""Edits that were made on a secondary and are about to be overwritten: written down as conflicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from nodes.products.ini import IniError
from nodes.products.ini_render import IniKey, key_conflicts
from nodes.products.profile import Profile
from replication.configuration.job.desired import ini_content
from replication.configuration.models import RESTORED, Conflict
from replication.configuration.services.history import LostEdit, proven_before_a_restore, record_conflicts
from replication.files.apply.context import Overwritten
from replication.files.core.changes import Found, KeptKey, NodeFiles, Wanted
from replication.files.core.manifest import FileState
from replication.files.core.paths import RelPath
from replication.jobs.runner import TargetWork
from replication.jobs.services import events
from replication.jobs.services.events import Line
from replication.objects import ObjectLost, Store

AFTER_THE_BACKUP = "after the backup that the portal was restored from"


class EditKeeper:
    """Keeps one target's edits. `kept`: how many of this job are, those that earlier tries kept included. `proven`
    answers the content, by its hash, that was last proven at a path."""

    def __init__(
        self,
        work: TargetWork,
        profile: Profile,
        store: Store,
        proven: Callable[[RelPath], str | None],
        *,
        kept: int = 0,
    ) -> None:
        self._work = work
        self._profile = profile
        self._store = store
        self._proven = proven
        self.kept = kept

    def record(self, edits: Iterable[Overwritten]) -> None:
        """Write conflicts down before anything is overwritten, or at once after a late edit was found; the log says
        which, in the same transaction."""
        edits = list(edits)
        if not edits:
            return
        restored = proven_before_a_restore(self._work.node.pk)
        lost = [self._lost(edit, restored=restored) for edit in edits]
        node, job, target = self._work.node, self._work.job, self._work.target
        with self._work.lease.transaction():
            new = record_conflicts(node_id=node.pk, job_id=job.pk, edits=lost)
            if new:
                names = ", ".join(edit.path for edit in new[:5])
                made = f"made on {node.name}" + (f", or given to it {AFTER_THE_BACKUP}," if restored else "")
                text = f"Edits {made} are kept as conflicts, {len(new)} in all: {names}"
                events.note(job.pk, Line("conflict.kept", text, events.WARNING), target_id=target.pk)
        self.kept += len(new)

    def known(self, *held: Mapping[RelPath, FileState | Wanted | Found]) -> Mapping[str, Collection[str]]:
        """By path, the contents that need no keeping: what is `held`, and what conflicts of the node keep already."""
        known: dict[str, set[str]] = defaultdict(set)
        for files in held:
            for path, state in files.items():
                known[path].add(state.sha256)
        for name, content in Conflict.objects.filter(node=self._work.node).values_list("path", "content"):
            known[name].add(content)
        return known

    def _lost(self, edit: Overwritten, *, restored: bool) -> LostEdit:
        detail = self._ini_detail(edit) | ({RESTORED: True} if restored else {})
        return LostEdit(edit.path, edit.content, edit.size, edit.secret, detail)

    def _kept_keys(self) -> tuple[KeptKey, ...]:
        files: NodeFiles | None = self._work.node_plan.detail
        return files.kept if files else ()

    def _ini_detail(self, edit: Overwritten) -> dict[str, object]:
        """Which keys of an ini file were edited; never values of a secret file."""
        if not self._profile.classify(edit.path).ini or not edit.content or edit.secret:
            return {}
        proven = self._proven(RelPath(edit.path))
        if proven is None:
            return {}
        kept = [IniKey(key.section, key.key) for key in self._kept_keys() if key.path == edit.path]
        try:
            before = ini_content(self._store, proven)
            conflicts = key_conflicts(before, ini_content(self._store, edit.content), kept)
        except (IniError, ObjectLost) as error:
            return {"unreadable": str(error)}
        return {"keys": [[one.section, one.key] for one in conflicts]}
