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
from replication.jobs.services.phases import CAUSE, gave_back_words, move_targets
from replication.jobs.services.transitions import STOPPED, advance_job

_LEVELS = {JobState.FAILED: ERROR, JobState.HALTED: ERROR, JobState.CANCELLED: WARNING, JobState.CONVERGING: WARNING}

_REASONS = {
    JobState.FAILED: (TargetState.FAILED, TargetState.BLOCKED, TargetState.CONTENDED),
    JobState.HALTED: (TargetState.HALTED,),
}
"""The targets' states for which a job ends in one that needs a person."""


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
    if state not in _REASONS:
        return {}
    code, error = _reason(state, job_id, turned_back=bool(words))
    return {"error_code": code, "error": f"{error.rstrip('.')}. {words}" if words else error}


def _reason(state: JobState, job_id: int, *, turned_back: bool) -> tuple[str, str]:
    """Code and words of a node for which the job ended so. A node that was cancelled is none of them, nor, where
    another one made the job turn back, one that could not give back what it had done."""
    ill = Target.objects.filter(job=job_id, state__in=_REASONS[state]).exclude(error_code="").select_related("node")
    first = ill.filter(**{f"evidence__{CAUSE}__state": TargetState.FAILED}).first() if turned_back else None
    if first is not None:
        cause = first.evidence[CAUSE]
        return cause["error_code"], f"{first.node.name}: {cause['error']}"
    first = ill.first()
    if first is None:
        return "target_failed", "A node did not come to the wanted state."
    return first.error_code, f"{first.node.name}: {first.error}"
