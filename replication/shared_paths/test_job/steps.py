"""What a plan of the job that tests shared folders says, and how it is put into words."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.platforms.unc import UncError, UncPath
from replication.jobs.core.plan import Plan
from replication.jobs.core.plan_text import PlanText, PlanWords, StepLine

SENTENCE = "A small file is written into each folder, read and refused by another node, renamed and deleted."


@dataclass(frozen=True, slots=True)
class FolderTest:
    """One folder is tried. `path`: as a UncPath is written."""

    role: str
    label: str
    path: str

    def makes_sense(self) -> bool:
        """Whether the path is one."""
        try:
            return str(UncPath.parse(self.path)) == self.path
        except UncError:
            return False

    @property
    def place(self) -> UncPath:
        """The path as a value."""
        return UncPath.parse(self.path)


def _line(step: FolderTest) -> StepLine:
    return StepLine("test", step.path, step.label)


def _words(_plan: Plan) -> PlanWords:
    return PlanWords(SENTENCE)


TEXT = PlanText(_line, plan=_words)
