"""Brakes that an administrator overrode for one job, for an hour."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from replication.models import Job

HOLDS = timedelta(hours=1)
"""How long an override holds; planning after that halts again."""


def overridden(job: Job) -> frozenset[str]:
    """The codes of brakes that do not halt this job now."""
    moment = timezone.now()
    return frozenset(entry["code"] for entry in job.overrides if datetime.fromisoformat(entry["until"]) > moment)


def entry(code: str, *, by: str, reason: str) -> dict[str, str]:
    """An override as `Job.overrides` keeps it."""
    moment = timezone.now()
    return {
        "code": code,
        "by": by,
        "reason": reason,
        "at": moment.isoformat(),
        "until": (moment + HOLDS).isoformat(),
    }
