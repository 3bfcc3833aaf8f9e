"""The one way an act is recorded: call it inside the transaction of the act itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from accounts.models import AuditEvent
from accounts.principals import Principal
from accounts.requests import network
from accounts.tally import SAID, Refusal, Tally

UNKNOWN = "(unknown)"  # brackets cannot be part of a user name


class Named(Protocol):
    """Anything with a primary key and a name for people."""

    pk: int

    def __str__(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """What was acted on."""

    kind: str
    id: str
    label: str

    @classmethod
    def of(cls, row: Named) -> Subject:
        """The subject that a row is."""
        return cls(type(row).__name__.lower(), str(row.pk), str(row)[:200])


def record(
    principal: Principal,
    action: str,
    text: str,
    *,
    cluster: Named | None = None,
    subject: Subject | None = None,
    data: Mapping[str, object] | None = None,
) -> AuditEvent:
    """Append an event. `action` is `noun.verb`; `data` holds names and numbers, never a secret."""
    return AuditEvent.objects.create(
        actor=principal.name,
        via=principal.via,
        remote_address=principal.remote_address,
        action=action,
        text=text,
        cluster_id=cluster.pk if cluster else None,
        cluster_name=str(cluster)[:100] if cluster else "",
        object_kind=subject.kind if subject else "",
        object_id=subject.id if subject else "",
        object_label=subject.label if subject else "",
        data=dict(data or {}),
    )


REFUSALS = Tally()
"""What this process refused lately."""


def record_refusal(refusal: Refusal, text: str, *, subject: Subject | None = None) -> None:
    """Append an event of what was refused: of many alike within an hour some, and how many more there were once
    another is refused after it. Addresses of one network are alike: one customer of IPv6 has very many."""
    where = network(refusal.remote_address).partition("/")[0] if refusal.remote_address else None
    counted = REFUSALS.add(replace(refusal, remote_address=where))
    for earlier, more in counted.rest:
        _append(earlier, f"{more:,} more like it, within an hour, were not listed.", {"more": more})
    if counted.is_said:
        nth = f" This was the {counted.number:,}th within an hour." if counted.number > SAID else ""
        _append(refusal, f"{text}{nth}", {"number": counted.number}, subject)


def record_unknown(
    action: str, text: str, *, remote_address: str | None = None, subject: Subject | None = None, via: str = "console"
) -> None:
    """Append an event of somebody who did not prove who they are; bounded as refusals are."""
    refusal = Refusal(UNKNOWN, via, remote_address, action, subject.id if subject else "")
    record_refusal(refusal, text, subject=subject)


def _append(refusal: Refusal, text: str, data: dict[str, object], subject: Subject | None = None) -> None:
    AuditEvent.objects.create(
        actor=refusal.actor,
        via=refusal.via,
        remote_address=refusal.remote_address,
        action=refusal.action,
        text=text,
        object_kind=subject.kind if subject else "",
        object_id=refusal.object_id,
        object_label=subject.label if subject else "",
        data=data,
    )


def last_at(action: str) -> datetime | None:
    """When this was last done; None if never."""
    return AuditEvent.objects.filter(action=action).values_list("at", flat=True).first()
