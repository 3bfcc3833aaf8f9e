"""One runner a kind of job, all of one shape. To add a kind: a file here with a `Runner`, and a row below."""

from __future__ import annotations

from replication.clustering.feature_job import FeaturesRunner
from replication.configuration.job.runner import ReplicateRunner
from replication.configuration.services.modes import check_portal_may_replicate
from replication.jobs.kinds import Refuses, offer
from replication.jobs.runner import Runner
from replication.membership.leave_job import LeaveRunner

RUNNERS: dict[str, Runner] = {}


def register(runner: Runner, *, refuses: Refuses | None = None, replicates: bool = False) -> None:
    """Make a kind known to the workers and to whoever requests jobs; the rest as `kinds.offer` takes it."""
    RUNNERS[runner.kind] = runner
    offer(runner, refuses=refuses, replicates=replicates)


def runner_for(kind: str) -> Runner | None:
    """The runner of a kind; None where this version of the portal has none (an older worker meets a newer job)."""
    return RUNNERS.get(kind)


register(ReplicateRunner(), refuses=check_portal_may_replicate, replicates=True)
register(LeaveRunner())
register(FeaturesRunner())
