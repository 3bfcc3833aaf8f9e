"""The job's log: one line for whatever happened, written in the transaction of what happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from replication.jobs.models import JobEvent

INFO, WARNING, ERROR = "info", "warning", "error"

TEXT_LIMIT = 4000
"""Characters of one line; an error text from a node may be of any length."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line not yet written. `code` is stable (`target.verified`), `text` one sentence without secrets."""

    code: str
    text: str
    level: str = INFO
    data: Mapping[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=timezone.now)

    def row(self, job_id: int, target_id: int | None = None) -> JobEvent:
        """The row it will be."""
        return JobEvent(
            job_id=job_id,
            target_id=target_id,
            at=self.at,
            level=self.level,
            code=self.code[:60],
            text=self.text[:TEXT_LIMIT],
            data=dict(self.data),
        )


def write(rows: Iterable[JobEvent]) -> None:
    """Write many lines at once."""
    JobEvent.objects.bulk_create(list(rows), batch_size=200)


def note(job_id: int, line: Line, *, target_id: int | None = None) -> None:
    """Write one line."""
    line.row(job_id, target_id).save(force_insert=True)
