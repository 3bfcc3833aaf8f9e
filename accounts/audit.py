"""The one way an act is recorded: call it inside the transaction of the act itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from accounts.models import AuditEvent
from accounts.principals import Principal

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


def record_unknown(
    action: str, text: str, *, remote_address: str | None = None, subject: Subject | None = None
) -> AuditEvent:
    """Append an event of somebody who did not prove who they are."""
    return AuditEvent.objects.create(
        actor=UNKNOWN,
        via="console",
        remote_address=remote_address,
        action=action,
        text=text,
        object_kind=subject.kind if subject else "",
        object_id=subject.id if subject else "",
        object_label=subject.label if subject else "",
    )


def last_at(action: str) -> datetime | None:
    """When this was last done; None if never."""
    return AuditEvent.objects.filter(action=action).values_list("at", flat=True).first()
