"""What a plan of the job that tests shared folders says, and how it is put into words."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.platforms.unc import UncError, UncPath
from replication.jobs.core.plan import Plan
from replication.jobs.core.plan_text import PlanText, PlanWords, StepLine

SWEPT = "Test files that earlier tests left are removed; nothing is tried."
SENTENCE = (
    "A small file is written into each folder, read by another node, which cannot make it again, renamed and deleted."
)


@dataclass(frozen=True, slots=True)
class FolderTest:
    """One folder is tried. `path`: as a UncPath is written. `sweeps`: it is only rid of what earlier tests left."""

    role: str
    label: str
    path: str
    sweeps: bool = False

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
    return StepLine("sweep" if step.sweeps else "test", step.path, step.label)


def _words(plan: Plan) -> PlanWords:
    sweeps = any(step.sweeps for node in plan.nodes for step in node.steps)
    return PlanWords(SWEPT if sweeps else SENTENCE)


TEXT = PlanText(_line, plan=_words, noun="folder")
