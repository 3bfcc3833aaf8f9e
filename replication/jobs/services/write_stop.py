""" "Stop all writes": one switch for everything the portal does to nodes."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from accounts.audit import record
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require_portal
from nodes.leases.clock import now
from nodes.leases.transactions import write_transaction
from replication.jobs import wake
from replication.jobs.models import WriteStop

ROW = 1


def stop_all_writes(principal: Principal, reason: str) -> WriteStop:
    """Let nothing be changed on any node until writes are allowed again; workers see it within a second. Operators of
    the whole portal may do so. Raises PermissionDenied, ValidationError."""
    require_portal(principal, Role.OPERATOR)
    if not reason.strip() or len(reason) > 200:
        raise ValidationError({"reason": "Say in 1 to 200 characters why all writes stop."})
    with write_transaction():
        values = {"stopped": True, "by": principal.name, "reason": reason.strip(), "at": now()}
        WriteStop.objects.update_or_create(pk=ROW, defaults=values)
        record(principal, "writes.stop", f"Stopped all writes: {reason.strip()}")
    return WriteStop.objects.get(pk=ROW)


def allow_writes(principal: Principal, reason: str = "") -> WriteStop:
    """Let work go on where it stopped. Administrators of the whole portal only. Raises PermissionDenied."""
    require_portal(principal, Role.ADMINISTRATOR)
    with write_transaction():
        values = {"stopped": False, "by": principal.name, "reason": reason.strip()[:200], "at": now()}
        WriteStop.objects.update_or_create(pk=ROW, defaults=values)
        record(principal, "writes.allow", f"Allowed writes again. {reason.strip()[:200]}".strip())
        wake.drive()
    return WriteStop.objects.get(pk=ROW)
