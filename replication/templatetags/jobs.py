"""Tags about jobs: what a kind is called, how a job stands, how long it ran and waited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString

from nodes.clusters.access import Rights
from nodes.web.html import badge
from replication.jobs.kinds import Offer, Slot, offers_in
from replication.jobs.models import Job
from replication.jobs.selectors.progress import time_run, time_waited
from replication.jobs.words import duration, found, kind_label, manner, proof, status_of_job

register = template.Library()

for _words in (kind_label, manner, found, proof, duration, status_of_job, time_run, time_waited):
    register.filter(_words)


@register.simple_tag
def job_badge(job: Job) -> SafeString:
    """How a job stands."""
    status = status_of_job(job)
    return badge(status.state, status.label)


@dataclass(frozen=True, slots=True)
class Way:
    """An offer of a kind of job, and where it leads."""

    offer: Offer
    address: str


@register.simple_tag
def offers(slot: str, row: Any, rights: Rights) -> list[Way]:
    """The ways to kinds of job that a page shows for a row, as far as the rights go."""
    found = [offer for _, offer in offers_in(Slot(slot), row) if rights.include(offer.role)]
    return [Way(offer, f"{reverse(offer.page, args=[row.pk])}{offer.query}") for offer in found]
