"""What pages and tables say of jobs: the kind's name, how it stands, the proof in a few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from nodes.counted import many
from nodes.web.status import Status
from replication.jobs.core.states import JobState
from replication.jobs.kinds import kind_of, kinds
from replication.jobs.models import Job, Leased, Target

MAY_STAND = frozenset({JobState.REQUESTED, JobState.RUNNING, JobState.CONVERGING})
"""States in which a job would go on by itself."""


def kind_label(kind: str) -> str:
    """What people call a kind of job; the word itself where no worker knows it any more."""
    return kinds().get(kind, kind)


def manner(job: Job) -> str:
    """How a job is done where that is out of the ordinary, beside its kind's label; else ""."""
    kind = kind_of(job.kind)
    words = ("plan only" if job.dry_run else "", kind.manner(job.options) if kind else "")
    return ", ".join(filter(None, words))


def found(job: Job) -> str:
    """What its plan found besides the steps, in a sentence; "" for nothing."""
    kind = kind_of(job.kind)
    return kind.found(job.plan_summary) if kind else ""


def proof(target: Target) -> str:
    """What proved a target, in a few words; "" where nothing was proven yet. A kind without files has them in its
    evidence."""
    evidence: Mapping[str, Any] = target.evidence
    if "proof" in evidence:
        return str(evidence["proof"])
    files = evidence.get("files_proven")
    if files is None:
        return ""
    words = [f"{many(files, 'file')} proven", f"{evidence.get('files_changed', 0)} changed"]
    if evidence.get("semaphores_taken"):
        words.append(f"{', '.join(evidence['semaphores_taken'])} taken")
    if evidence.get("conflicts"):
        words.append(f"edits kept as conflicts: {evidence['conflicts']}")
    if evidence.get("extras"):
        words.append(f"files of its own: {evidence['extras']}")
    return "; ".join(words) + "."


def duration(span: timedelta | None) -> str:
    """A span as 0.4 s, 12 s, and from a minute on as h:mm:ss; "" for none."""
    if span is None:
        return ""
    seconds = int(span.total_seconds())
    if seconds < 10:
        return f"{span.total_seconds():.1f} s"
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


SHOWN_PHASES = 4
BRIEF = 0.1
"""Seconds; shorter phases are not named."""


def longest_phases(parts: Iterable[Leased]) -> str:
    """The phases that took longest, each on the node where it took longest: "looked 3.2 s, staged 0.4 s"."""
    longest: dict[str, float] = {}
    for part in parts:
        for name, seconds in part.phases.items():
            longest[name] = max(seconds, longest.get(name, 0.0))
    ranked = sorted(longest.items(), key=lambda item: -item[1])[:SHOWN_PHASES]
    return ", ".join(f"{name.replace('-', ' ')} {seconds:.1f} s" for name, seconds in ranked if seconds >= BRIEF)


def status_of_job(job: Job) -> Status:
    """The state as people are shown it. A job that may not go on is paused, and one that nobody works on waits, though
    its state says running. `job` comes from `selectors.jobs.with_standing`."""
    if JobState(job.state) in MAY_STAND and (reason := _why_it_stands(job)):
        return Status("paused", f"Paused: {reason}")
    if job.state == JobState.RUNNING and job.worked_since is None:
        return Status("waiting", "Waiting")
    return Status(job.state, job.get_state_display())


def _why_it_stands(job: Any) -> str:
    if job.cluster.paused:
        return "cluster"
    if job.state == JobState.REQUESTED:
        return ""
    if job.writes_stopped:
        return "all writes stopped"
    return "nodes" if job.nodes_paused else ""
