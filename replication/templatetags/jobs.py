"""Tags about jobs: what a kind is called, how long something took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import template
from django.urls import reverse

from accounts.models import Role
from nodes.clusters.access import Rights
from replication.jobs.kinds import (
    Offer,
    Slot,
    kinds,
    offers_in,
)
from replication.jobs.models import Leased, Target

register = template.Library()


@register.filter
def kind_label(kind: str) -> str:
    """What people call a kind of job; the word itself where no worker knows it any more."""
    return kinds().get(kind, kind)


@dataclass(frozen=True, slots=True)
class Way:
    """An offer of a kind of job, and where it leads."""

    offer: Offer
    address: str


@register.simple_tag
def offers(slot: str, row: Any, rights: Rights) -> list[Way]:
    """The ways to kinds of job that a page shows for a row, as far as the rights go."""
    allowed = {Role.VIEWER: True, Role.OPERATOR: rights.operate, Role.ADMINISTRATOR: rights.administer}
    found = [offer for _, offer in offers_in(Slot(slot), row) if allowed[offer.role]]
    return [Way(offer, f"{reverse(offer.page, args=[row.pk])}{offer.query}") for offer in found]


@register.filter
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


@register.filter
def duration(span: timedelta | None) -> str:
    """A span as h:mm:ss; "" for none."""
    if span is None:
        return ""
    seconds = int(span.total_seconds())
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


@register.filter
def took(work: Leased) -> timedelta | None:
    """How long ended work took; None while it has not ended."""
    if work.started_at is None or work.ended_at is None:
        return None
    return work.ended_at - work.started_at
