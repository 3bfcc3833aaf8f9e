"""Brakes that an administrator overrode for one job, for an hour."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from replication.jobs.core.states import JobState, TargetState
from replication.jobs.models import Job, Target

HOLDS = timedelta(hours=1)
"""How long an override holds; planning after that halts again."""


def overridden(job: Job) -> frozenset[str]:
    """The codes of brakes that do not halt this job now."""
    moment = timezone.now()
    return frozenset(entry["code"] for entry in job.overrides if datetime.fromisoformat(entry["until"]) > moment)


def holding(job: Job) -> dict[str, str]:
    """What an override may name: the codes that halted the job or its nodes, each with its words. A brake that only a
    target met, when it looked at its node again, is known from that target alone."""
    codes = [str(brake["code"]) for brake in job.plan_summary.get("brakes", [])]
    codes += [job.error_code] if job.state == JobState.HALTED else []
    halted = Target.objects.filter(job=job, state=TargetState.HALTED).order_by("pk")
    codes += halted.values_list("error_code", flat=True)
    return {code: code.replace("_", " ") for code in codes if code}


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
