"""How far what is set of a cluster's shared paths is applied, as its page says it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from nodes.clusters.models import Cluster
from nodes.ini_keys.services import folded
from nodes.one_line import one_line
from nodes.shares.models import FormerValue, KeySearch, SharedPaths
from nodes.shares.selectors.former import remembered
from replication.jobs.core.states import JobState
from replication.jobs.models import Job
from replication.jobs.selectors.jobs import with_standing
from replication.jobs.words import status_of_job
from replication.shared_paths.core.apply_plans import FORMER, SHARED_PATHS
from replication.shared_paths.core.keys import MAX_SHOWN
from replication.shared_paths.selectors.keys import found_of

SHOWN_JOBS = 5


@dataclass(frozen=True, slots=True)
class Applied:
    """`sentence`: how it stands. `jobs`: the newest. `may_go_back`: something is remembered that can be given back;
    `is_back`: all of it stood in the primary's files again when they were read last."""

    sentence: str
    jobs: tuple[Job, ...]
    is_set: bool
    may_go_back: bool
    is_back: bool


def applied_of(cluster: Cluster) -> Applied:
    """Three queries, and one more where former values are remembered."""
    row = SharedPaths.objects.filter(cluster=cluster).first()
    is_set = row is not None and bool(row.mode or row.routing)
    jobs = _jobs(cluster)
    rows = remembered(cluster)
    is_back = bool(rows) and _is_back(cluster, rows)
    may_go_back = bool(rows) and not is_back
    return Applied(_sentence(row if is_set else None, jobs), jobs[:SHOWN_JOBS], is_set, may_go_back, is_back)


def _is_back(cluster: Cluster, rows: Sequence[FormerValue]) -> bool:
    """Whether every key that the portal wrote was read since, and held what it held before; not where that is not
    known, because a key was not read, or is shown with a mask."""
    search = KeySearch.objects.filter(cluster=cluster).first()
    found = found_of(search)
    if found is None or search is None or search.found_at is None:
        return False
    if any(search.found_at <= row.applied_at for row in rows):
        return False
    lines = {folded(one.path, one.section, one.key): one.shown for one in found.candidates}
    by_key: dict[str, list[FormerValue]] = defaultdict(list)
    for row in rows:
        by_key[folded(row.path, row.section, row.key)].append(row)
    return all(_holds_former(lines.get(key), same) for key, same in by_key.items())


def _holds_former(line: str | None, rows: Sequence[FormerValue]) -> bool:
    held = None if line is None else line.partition("=")[2]
    former = {one_line(row.value.reveal(), MAX_SHOWN) for row in rows if row.value is not None}
    return held in former - {row.wrote for row in rows}


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
