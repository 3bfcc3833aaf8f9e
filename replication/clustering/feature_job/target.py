"""The primary's part: remember, write exactly what was approved, tell the server, read back."""

from __future__ import annotations

from collections.abc import Mapping

from nodes.facts.core import FeatureSetting
from nodes.facts.feature_settings import read_switches, switches_in
from nodes.facts.selectors.facts import features_of
from nodes.facts.services.feature_memory import Switched, remember
from nodes.products.ini import IniDocument
from replication.clustering.core.features import OFF
from replication.clustering.services.disabling import note_given
from replication.configuration.edited_files import EditedFiles, ReadBack
from replication.files.apply.context import Context
from replication.files.core.paths import RelPath
from replication.jobs.core.states import TargetState
from replication.jobs.runner import TargetOutcome, TargetWork


class FeaturesRun:
    """One try."""

    def __init__(self, context: Context, work: TargetWork) -> None:
        self.work = work
        self.files = EditedFiles(context, work)
        self.rules = features_of(work.job.cluster, context.profile)
        self.off = work.job.options["to"] == OFF

    def run(self) -> TargetOutcome:
        """From the look to the proof."""
        came = self.files.write(self._remember)
        return self._proven(came) if isinstance(came, ReadBack) else came

    def _remember(self, files: Mapping[RelPath, bytes]) -> None:
        if self.off:
            found = [switch for path, content in files.items() for switch in self._on(path, content)]
            with self.work.lease.transaction():
                remember(node_id=self.work.node.pk, job_number=self.work.job.pk, switches=found)

    def _on(self, path: str, content: bytes) -> list[FeatureSetting]:
        document = IniDocument.parse(content)
        rules = [rule for rule in self.rules if rule.key and rule.path == path]
        found = [switch for rule in rules for switch in switches_in(rule, document)]
        return [switch for switch in found if switch.is_on]

    def _proven(self, came: ReadBack) -> TargetOutcome:
        """The bytes are those approved; and the switches stand as they should."""
        switches = read_switches(self.files.reader, self.rules)
        self.work.lease.boundary("features-proven")
        done = Switched(self.work.job.pk, off=self.off, changed=True, read_back=switches)
        return TargetOutcome(
            TargetState.VERIFIED,
            evidence={
                "switches": [one.in_words for one in switches],
                "semaphores_taken": list(came.taken),
                "files_proven": len(came.files),
            },
            record=lambda: note_given(self.work.node, done),
        )
