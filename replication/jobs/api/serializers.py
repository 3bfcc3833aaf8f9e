"""What answers look like. Contents and hashes of files have no field here, so that none can come out."""

from __future__ import annotations

from collections import Counter

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from replication.jobs.models import (
    Job,
    JobEvent,
    Target,
    WriteStop,
)
from replication.jobs.selectors.progress import JobProgress, progress_of, time_run
from replication.jobs.words import status_of_job


class ProgressOut(serializers.Serializer[JobProgress]):
    """How far a job is. `rate` in bytes a second, `seconds_left` and `percent` are null while nothing can be said; 100
    percent are proven on every node. `ran_seconds`: while somebody planned or worked; `waited_seconds`: all other time
    since it was requested."""

    files_done = serializers.IntegerField(read_only=True)
    files_total = serializers.IntegerField(read_only=True)
    bytes_done = serializers.IntegerField(read_only=True)
    bytes_total = serializers.IntegerField(read_only=True)
    targets_verified = serializers.IntegerField(read_only=True)
    targets_ended = serializers.IntegerField(read_only=True)
    targets = serializers.IntegerField(read_only=True)
    targets_unknown = serializers.IntegerField(
        read_only=True, help_text="nodes whose files to do are not known yet, and not among the totals"
    )
    percent = serializers.IntegerField(read_only=True, allow_null=True)
    rate = serializers.FloatField(read_only=True, allow_null=True)
    seconds_left = serializers.SerializerMethodField()
    ran_seconds = serializers.SerializerMethodField()
    waited_seconds = serializers.SerializerMethodField()

    def get_seconds_left(self, progress: JobProgress) -> float | None:
        """At the present rate."""
        return progress.left.total_seconds() if progress.left else None

    def get_ran_seconds(self, progress: JobProgress) -> float:
        """While somebody worked."""
        return progress.ran.total_seconds()

    def get_waited_seconds(self, progress: JobProgress) -> float:
        """While nobody did."""
        return progress.waited.total_seconds()


_PHASES = "seconds that each phase {0} took, by the name of its end"


class JobOut(serializers.ModelSerializer[Job]):
    """A job. `plan_digest` is what approving it takes."""

    phases = serializers.DictField(
        child=serializers.FloatField(), read_only=True, help_text=_PHASES.format("of planning")
    )
    cluster_name = serializers.CharField(source="cluster.name", read_only=True)
    standing = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    target_states = serializers.SerializerMethodField()
    resources = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "cluster",
            "cluster_name",
            "state",
            "standing",
            "phase",
            "phases",
            "dry_run",
            "reason",
            "requester",
            "options",
            "node_ids",
            "retry_of",
            "snapshot",
            "plan_digest",
            "plan_summary",
            "approved_by",
            "approved_at",
            "overrides",
            "cancel_requested_by",
            "cancel_requested_at",
            "error_code",
            "error",
            "owner",
            "attempt",
            "not_before",
            "created_at",
            "planned_at",
            "started_at",
            "ended_at",
            "progress",
            "target_states",
            "resources",
        ]
        read_only_fields = fields

    def get_standing(self, job: Job) -> str:
        """The state in words; they say so where it is paused or nobody works on it."""
        return status_of_job(job).label

    @extend_schema_field(ProgressOut)
    def get_progress(self, job: Job) -> dict[str, object]:
        """Sums over the targets."""
        return dict(ProgressOut(progress_of(job, list(job.targets.all()))).data)

    def get_target_states(self, job: Job) -> dict[str, int]:
        """How many targets are in which state."""
        return dict(Counter(target.state for target in job.targets.all()))

    def get_resources(self, job: Job) -> list[str]:
        """What no other job may have meanwhile."""
        return sorted(lock.resource for lock in job.locks.all())


class TargetOut(serializers.ModelSerializer[Target]):
    """One node's part of a job. `evidence` is what proved it."""

    node_name = serializers.CharField(source="node.name", read_only=True)
    phases = serializers.DictField(
        child=serializers.FloatField(), read_only=True, help_text=_PHASES.format("of the last try")
    )
    ran_seconds = serializers.SerializerMethodField()

    class Meta:
        model = Target
        fields = [
            "id",
            "node",
            "node_name",
            "state",
            "phase",
            "phases",
            "attempt",
            "owner",
            "not_before",
            "error_code",
            "error",
            "files_done",
            "files_total",
            "bytes_done",
            "bytes_total",
            "evidence",
            "started_at",
            "ended_at",
            "ran_seconds",
        ]
        read_only_fields = fields

    def get_ran_seconds(self, target: Target) -> float:
        """For how long somebody worked on it."""
        return time_run(target).total_seconds()


class JobDetailOut(JobOut):
    """A job with its targets."""

    targets = TargetOut(many=True, read_only=True)

    class Meta(JobOut.Meta):
        fields = [*JobOut.Meta.fields, "targets"]
        read_only_fields = fields


class EventOut(serializers.ModelSerializer[JobEvent]):
    """One line of a job's log."""

    node_name = serializers.CharField(source="target.node.name", read_only=True, default="")

    class Meta:
        model = JobEvent
        fields = ["id", "at", "level", "code", "text", "data", "target", "node_name"]
        read_only_fields = fields


class EventsOut(serializers.Serializer[object]):
    """Lines of a log. `after`: what to ask for next time; the same as before when there was nothing new."""

    results = EventOut(many=True, read_only=True)
    after = serializers.IntegerField(read_only=True)
    more = serializers.BooleanField(read_only=True)


class WriteStopOut(serializers.ModelSerializer[WriteStop]):
    """The switch for everything the portal does to nodes."""

    class Meta:
        model = WriteStop
        fields = ["stopped", "by", "reason", "at"]
        read_only_fields = fields


class ProblemOut(serializers.Serializer[object]):
    """A path that could not be handled."""

    path = serializers.CharField(read_only=True)
    code = serializers.CharField(read_only=True)
    detail = serializers.CharField(read_only=True)


class WorkerOut(serializers.Serializer[object]):
    """A worker process. `seen_at`: its last sign of life, null for one that holds claims and gave none lately."""

    name = serializers.CharField(read_only=True)
    planning = serializers.IntegerField(read_only=True)
    driving = serializers.IntegerField(read_only=True)
    since = serializers.DateTimeField(read_only=True, allow_null=True)
    lease_until = serializers.DateTimeField(read_only=True, allow_null=True)
    queues = serializers.CharField(read_only=True, allow_blank=True)
    seen_at = serializers.DateTimeField(read_only=True, allow_null=True)


class KindOut(serializers.Serializer[object]):
    """A kind of job that can be requested."""

    kind = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]  # a field named like an attribute
