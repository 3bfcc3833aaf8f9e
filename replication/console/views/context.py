"""What every page shows: whether all writes are stopped."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from replication.jobs.models import WriteStop


def console(request: HttpRequest) -> dict[str, object]:
    """`write_stop`, asked of the database only where a page shows it."""
    return {"write_stop": SimpleLazyObject(lambda: WriteStop.objects.filter(pk=1).first() or WriteStop())}
