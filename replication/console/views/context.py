"""What every page shows: whether all writes are stopped; and how the audit log stands."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.chain import chain_now
from replication.jobs.models import WriteStop


def console(request: HttpRequest) -> dict[str, object]:
    """`write_stop` and `audit_chain`, asked of the database only where a page shows them."""
    return {
        "write_stop": SimpleLazyObject(lambda: WriteStop.objects.filter(pk=1).first() or WriteStop()),
        "audit_chain": SimpleLazyObject(chain_now),
    }
