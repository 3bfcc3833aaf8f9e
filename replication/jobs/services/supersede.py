"""A newer job of the same kind takes over what an older one still waits for."""

from __future__ import annotations

from replication.jobs.core.states import JOB_TERMINAL, TARGET_TERMINAL, JobState
from replication.jobs.kinds import phases_of
from replication.jobs.models import Job, Target
from replication.jobs.services.events import WARNING, Line
from replication.jobs.services.job_state import update_job_state
from replication.jobs.services.transitions import advance_job, cancel_idle_targets


def supersede(job_id: int) -> None:
    """Cancel what a newly planned job makes pointless: older plans of its kind that wait for approval, and, once it
    runs itself, older jobs' targets that nobody works on; in both cases only for nodes it covers. An approved plan that
    still waited for a lock would otherwise bring nodes back to an older state. Call it inside a transaction."""
    job = Job.objects.get(pk=job_id)
    covered = set(Target.objects.filter(job=job_id).values_list("node", flat=True))
    older = Job.objects.filter(cluster=job.cluster_id, kind=job.kind, pk__lt=job_id).exclude(state__in=JOB_TERMINAL)
    line = Line("job.superseded", f"Superseded by #{job_id}.", WARNING, {"job": job_id})
    for old in older.filter(state=JobState.AWAITING_APPROVAL):
        if covered >= set(Target.objects.filter(job=old).values_list("node", flat=True)):
            cancel_idle_targets(old.pk, line)
            advance_job(old.pk, JobState.CANCELLED, line, columns=_superseded(job_id))
    # what a job with phases has begun it brings to its end, or gives back; it holds its resources until then
    if job.state == JobState.RUNNING and not phases_of(job.kind):
        for old in older.filter(state__in=(JobState.CONVERGING, JobState.RUNNING)):
            _relieve(old, covered, line)


def _relieve(old: Job, covered: set[int], line: Line) -> None:
    if not cancel_idle_targets(old.pk, line, node_ids=covered):
        return
    left = Target.objects.filter(job=old).exclude(state__in=TARGET_TERMINAL)
    if not left.exists():
        Job.objects.filter(pk=old.pk).update(**_superseded(int(line.data["job"])))
    update_job_state(old.pk)


def _superseded(job_id: int) -> dict[str, str]:
    return {"error_code": "superseded", "error": f"Superseded by #{job_id}."}
