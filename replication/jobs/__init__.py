"""One runner a kind of job, all of one shape. To add a kind: a file here with a `Runner`, and a row below."""

from __future__ import annotations

from replication.jobs.base import Runner
from replication.jobs.replicate import ReplicateRunner
from replication.services.kinds import offer

RUNNERS: dict[str, Runner] = {}


def register(runner: Runner) -> None:
    """Make a kind known to the workers and to whoever requests jobs."""
    RUNNERS[runner.kind] = runner
    offer(runner)


def runner_for(kind: str) -> Runner | None:
    """The runner of a kind; None where this version of the portal has none (an older worker meets a newer job)."""
    return RUNNERS.get(kind)


register(ReplicateRunner())
