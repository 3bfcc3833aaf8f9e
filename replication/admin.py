"""Stock admin for superusers: to look, not to change. Jobs are changed by the services alone."""

from __future__ import annotations

from django.contrib import admin

from nodes.web.admin import LookOnly
from replication.configuration.models import Baseline, Conflict, Snapshot
from replication.jobs.models import (
    Job,
    JobEvent,
    ResourceLock,
    Target,
    WriteStop,
)
from replication.watch.models import Watch


@admin.register(Job)
class JobAdmin(LookOnly):
    """Jobs."""

    list_display = ["id", "kind", "cluster", "state", "requester", "created_at", "ended_at"]
    list_filter = ["state", "kind", "cluster"]
    list_select_related = ["cluster"]


@admin.register(Target)
class TargetAdmin(LookOnly):
    """Targets."""

    list_display = ["id", "job", "node", "state", "owner", "attempt", "error_code"]
    list_filter = ["state"]
    list_select_related = ["job", "node"]


@admin.register(JobEvent)
class JobEventAdmin(LookOnly):
    """Log lines."""

    list_display = ["at", "job_id", "level", "code", "text"]
    list_filter = ["level"]


@admin.register(Snapshot)
class SnapshotAdmin(LookOnly):
    """Snapshots."""

    list_display = ["id", "cluster", "taken_at", "files", "bytes"]
    list_select_related = ["cluster"]


@admin.register(Conflict)
class ConflictAdmin(LookOnly):
    """Conflicts."""

    list_display = ["id", "node", "path", "found_at", "closed_at"]
    list_select_related = ["node"]


admin.site.register([Baseline, ResourceLock, WriteStop], LookOnly)


@admin.register(Watch)
class WatchAdmin(LookOnly):
    """The watches over the primaries."""

    list_display = ["cluster", "enabled", "mood", "looked_at", "pending", "last_change_at"]
    list_select_related = ["cluster"]
