"""What pages and tables say of jobs: the kind's name, the proof in a few words, how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from replication.jobs.kinds import kinds
from replication.jobs.models import Leased, Target


def kind_label(kind: str) -> str:
    """What people call a kind of job; the word itself where no worker knows it any more."""
    return kinds().get(kind, kind)


def proof(target: Target) -> str:
    """What proved a target, in a few words; "" where nothing was proven yet."""
    evidence: Mapping[str, Any] = target.evidence
    files = evidence.get("files_proven")
    if files is None:
        return ""
    words = [f"{files} files proven", f"{evidence.get('files_changed', 0)} changed"]
    if evidence.get("semaphores_taken"):
        words.append(f"{', '.join(evidence['semaphores_taken'])} taken")
    if evidence.get("conflicts"):
        words.append(f"edits kept as conflicts: {evidence['conflicts']}")
    if evidence.get("extras"):
        words.append(f"files of its own: {evidence['extras']}")
    return "; ".join(words) + "."


def duration(span: timedelta | None) -> str:
    """A span as h:mm:ss; "" for none."""
    if span is None:
        return ""
    seconds = int(span.total_seconds())
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def took(work: Leased) -> timedelta | None:
    """How long ended work took; None while it has not ended."""
    if work.started_at is None or work.ended_at is None:
        return None
    return work.ended_at - work.started_at
