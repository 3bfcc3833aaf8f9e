"""What a runner has written with the end of a target, of a kind that is written for many targets at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

R = TypeVar("R", bound="BatchRecord")


class BatchRecord(ABC):
    """A `TargetOutcome.record` that takes as few statements for many targets as for one. It may be undone and written
    again, alone, so it writes rows and does nothing else."""

    @classmethod
    @abstractmethod
    def write_all(cls: type[R], records: Sequence[R]) -> None:
        """Write many, each of another target."""

    def __call__(self) -> None:
        """Write this one."""
        self.write_all([self])
