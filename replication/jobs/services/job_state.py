"""When targets end, the job becomes what they amount to."""

from __future__ import annotations

from collections import Counter

from nodes.leases.transactions import write_transaction
from replication.jobs.core.states import JobState, TargetState, outcome
from replication.jobs.models import Job, Target
from replication.jobs.services.events import (
    ERROR,
    INFO,
    WARNING,
    Line,
)
from replication.jobs.services.transitions import advance_job

_LEVELS = {JobState.FAILED: ERROR, JobState.HALTED: ERROR, JobState.CANCELLED: WARNING, JobState.CONVERGING: WARNING}


def update_job_state(job_id: int) -> JobState | None:
    """Bring a running or converging job to the state its targets amount to. Answers the job's state; None if it is
    gone.

    The job's row is locked before the targets are read, so of two targets that end at once the later one sees both.
    """
    with write_transaction():
        job = Job.objects.select_for_update().filter(pk=job_id).first()
        if job is None:
            return None
        state = JobState(job.state)
        if state not in (JobState.RUNNING, JobState.CONVERGING):
            return state
        states = [TargetState(word) for word in Target.objects.filter(job=job_id).values_list("state", flat=True)]
        wanted = outcome(states)
        if wanted != state:
            advance_job(job_id, wanted, _line(wanted, states), only_from=(state,), columns=_columns(wanted, job_id))
        return wanted


def _line(state: JobState, targets: list[TargetState]) -> Line:
    counts = ", ".join(f"{count} {word}" for word, count in sorted(Counter(targets).items())) or "nothing to do"
    return Line(f"job.{state}", f"The job is {state}: {counts}.", _LEVELS.get(state, INFO))


def _columns(state: JobState, job_id: int) -> dict[str, str]:
    if state not in (JobState.FAILED, JobState.HALTED):
        return {}
    ill = Target.objects.filter(job=job_id).exclude(error_code="").exclude(state=TargetState.VERIFIED)
    worst = ill.select_related("node").first()
    if worst is None:
        return {"error_code": "target_failed", "error": "A node did not come to the wanted state."}
    return {"error_code": worst.error_code, "error": f"{worst.node.name}: {worst.error}"}
