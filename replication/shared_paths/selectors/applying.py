"""How far what is set of a cluster's shared paths is applied, as its page says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from nodes.clusters.models import Cluster
from nodes.shares.models import FormerValue, SharedPaths
from replication.jobs.core.states import JobState
from replication.jobs.models import Job
from replication.jobs.selectors.jobs import with_standing
from replication.jobs.words import status_of_job
from replication.shared_paths.core.apply_plans import FORMER, SHARED_PATHS

SHOWN_JOBS = 5


@dataclass(frozen=True, slots=True)
class Applied:
    """`sentence`: how it stands. `jobs`: the newest. `may_go_back`: something is remembered that can be given back."""

    sentence: str
    jobs: tuple[Job, ...]
    is_set: bool
    may_go_back: bool


def applied_of(cluster: Cluster) -> Applied:
    """Three queries."""
    row = SharedPaths.objects.filter(cluster=cluster).first()
    is_set = row is not None and bool(row.mode or row.routing)
    jobs = _jobs(cluster)
    back = FormerValue.objects.filter(cluster=cluster, restored_at=None).exists()
    return Applied(_sentence(row if is_set else None, jobs), jobs[:SHOWN_JOBS], is_set, back)


def _jobs(cluster: Cluster) -> tuple[Job, ...]:
    """The newest, and the newest ones that wrote, or were to: any number of mere looks may be newer. One query."""
    jobs = Job.objects.filter(cluster=cluster, kind=SHARED_PATHS).order_by("-pk").values("pk")
    real = jobs.filter(dry_run=False)
    wanted = Q(pk__in=jobs[:SHOWN_JOBS]) | Q(pk__in=real[:1]) | Q(pk__in=real.filter(state=JobState.SUCCEEDED)[:1])
    return tuple(with_standing(Job.objects.filter(wanted)).order_by("-pk"))


def _sentence(row: SharedPaths | None, jobs: Sequence[Job]) -> str:
    real = [job for job in jobs if not job.dry_run]
    done = next((job for job in real if job.state == JobState.SUCCEEDED), None)
    if real and real[0] is not done:
        return f"Job #{real[0].pk}: {_now(real[0])}"
    if done is None:
        return "Nothing was written yet." if row else "Nobody said yet where the folders shall lie."
    if done.options.get("to") == FORMER:
        return f"Job #{done.pk} gave the former paths back."
    if row and done.planned_at and row.changed_at > done.planned_at:
        return f"What is set was changed since job #{done.pk} applied it."
    return f"Job #{done.pk} applied it and proved it on every node."


def _now(job: Job) -> str:
    if job.state in (JobState.FAILED, JobState.HALTED) and job.error:
        return job.error
    return f"{status_of_job(job).label.lower()}."
