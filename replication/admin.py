"""Stock admin for superusers: to look, not to change. Jobs are changed by the services alone."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from replication.models import Baseline, Conflict, Job, JobEvent, ResourceLock, Snapshot, Target, Watch, WriteStop


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not a generic at run time
    """Rows can be read and searched."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Jobs."""

    list_display = ["id", "kind", "cluster", "state", "requester", "created_at", "ended_at"]
    list_filter = ["state", "kind", "cluster"]
    list_select_related = ["cluster"]


@admin.register(Target)
class TargetAdmin(ReadOnlyAdmin):
    """Targets."""

    list_display = ["id", "job", "node", "state", "owner", "attempt", "error_code"]
    list_filter = ["state"]
    list_select_related = ["job", "node"]


@admin.register(JobEvent)
class JobEventAdmin(ReadOnlyAdmin):
    """Log lines."""

    list_display = ["at", "job_id", "level", "code", "text"]
    list_filter = ["level"]


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyAdmin):
    """Snapshots."""

    list_display = ["id", "cluster", "taken_at", "files", "bytes"]
    list_select_related = ["cluster"]


@admin.register(Conflict)
class ConflictAdmin(ReadOnlyAdmin):
    """Conflicts."""

    list_display = ["id", "node", "path", "found_at", "closed_at"]
    list_select_related = ["node"]


admin.site.register([Baseline, ResourceLock, WriteStop], ReadOnlyAdmin)


@admin.register(Watch)
class WatchAdmin(ReadOnlyAdmin):
    """The watches over the primaries."""

    list_display = ["cluster", "enabled", "mood", "looked_at", "pending", "last_change_at"]
    list_select_related = ["cluster"]
