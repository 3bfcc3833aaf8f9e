"""When targets end, the job becomes what they amount to."""

from __future__ import annotations

from collections import Counter

from nodes.leases.clock import now
from nodes.leases.transactions import write_transaction
from replication.jobs.core.states import (
    TARGET_TERMINAL,
    JobState,
    TargetState,
    outcome,
)
from replication.jobs.kinds import phases_of
from replication.jobs.models import Job, Target
from replication.jobs.services.events import (
    ERROR,
    INFO,
    WARNING,
    Line,
)
from replication.jobs.services.phases import gave_back_words, move_targets
from replication.jobs.services.transitions import STOPPED, advance_job

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
        phases = phases_of(job.kind)
        states = move_targets(job, phases) if phases else _states(job_id)
        wanted = _in_phases(states) if phases else outcome(states)
        if wanted != state:
            words = gave_back_words(job_id) if phases else ""
            columns = _columns(wanted, job_id, words)
            advance_job(job_id, wanted, _line(wanted, states, words), only_from=(state,), columns=columns)
            job.worked_since = None
        _keep_time(job, at_work=TargetState.RUNNING in states)
        return wanted


def _keep_time(job: Job, *, at_work: bool) -> None:
    """A job that was planned runs as long as somebody works on one of its nodes; else it waits."""
    if at_work != (job.worked_since is not None):
        Job.objects.filter(pk=job.pk).update(**({"worked_since": now()} if at_work else STOPPED))


def _states(job_id: int) -> list[TargetState]:
    return [TargetState(word) for word in Target.objects.filter(job=job_id).values_list("state", flat=True)]


def _in_phases(states: list[TargetState]) -> JobState:
    """A job with phases is running until all its targets have ended, and holds what it holds: what some nodes have done
    already stands against any other job."""
    return outcome(states) if TARGET_TERMINAL.issuperset(states) else JobState.RUNNING


def _line(state: JobState, targets: list[TargetState], words: str) -> Line:
    counts = ", ".join(f"{count} {word}" for word, count in sorted(Counter(targets).items())) or "nothing to do"
    return Line(f"job.{state}", f"{state.capitalize()}: {counts}. {words}".strip(), _LEVELS.get(state, INFO))


def _columns(state: JobState, job_id: int, words: str) -> dict[str, str]:
    if state not in (JobState.FAILED, JobState.HALTED):
        return {}
    ill = Target.objects.filter(job=job_id).exclude(error_code="").exclude(state=TargetState.VERIFIED)
    if words:  # those that only gave back what they had done are not what the job failed for
        ill = ill.filter(state=TargetState.FAILED)
    worst = ill.select_related("node").first()
    if worst is None:
        return {"error_code": "target_failed", "error": "A node did not come to the wanted state."}
    error = f"{worst.node.name}: {worst.error}"
    return {"error_code": worst.error_code, "error": f"{error.rstrip('.')}. {words}" if words else error}
