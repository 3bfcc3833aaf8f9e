"""A job, its targets, its events, what it locks, and the switch that stops all writes."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from nodes.clusters.models import Cluster
from nodes.leases.models import Claimable
from nodes.registry.models import Node
from replication.jobs.core.phases import Course
from replication.jobs.core.states import JobState, TargetState


def _choices(states: type[JobState] | type[TargetState]) -> list[tuple[str, str]]:
    return [(state.value, state.value.replace("_", " ").capitalize()) for state in states]


JOB_STATES = _choices(JobState)
TARGET_STATES = _choices(TargetState)


class Leased(Claimable):
    """Work one worker at a time may do. `lease_until` is by the database's clock; `not_before` delays the next
    claim."""

    lease_until = models.DateTimeField(null=True, db_index=True)
    attempt = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error = models.TextField(blank=True)
    phase = models.CharField(max_length=80, blank=True, help_text="what it is doing, for people")
    phases = models.JSONField(
        default=dict, blank=True, help_text="seconds each phase of the last try took, by its boundary"
    )
    files_done = models.PositiveIntegerField(default=0)
    files_total = models.PositiveIntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)
    bytes_total = models.BigIntegerField(default=0)
    sending_since = models.DateTimeField(null=True, help_text="since when this try has been sending")
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    worked_since = models.DateTimeField(null=True, help_text="since when somebody works on it now")
    ran = models.DurationField(default=timedelta(), help_text="for how long somebody worked on it before that")

    class Meta:
        abstract = True


class Job(Leased):
    """Something to be made so on a cluster's nodes, and how far it is."""

    kind = models.CharField(max_length=40)
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="jobs")
    state = models.CharField(max_length=20, choices=JOB_STATES, default=JobState.REQUESTED, db_index=True)
    options = models.JSONField(default=dict, blank=True)
    node_ids = models.JSONField(default=list, blank=True, help_text="only these nodes; empty: all the kind concerns")
    dry_run = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    requester = models.CharField(max_length=150, help_text="name at the time; 'system' for the portal itself")
    idempotency_key = models.CharField(max_length=100, null=True)
    request_digest = models.CharField(max_length=64, blank=True, help_text="what the idempotency key was used for")
    retry_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="retries")
    snapshot = models.ForeignKey("replication.Snapshot", null=True, on_delete=models.SET_NULL, related_name="jobs")
    plan_object = models.CharField(max_length=64, blank=True, help_text="the plan in the object store")
    plan_digest = models.CharField(max_length=64, blank=True)
    plan_summary = models.JSONField(default=dict, blank=True)
    approved_by = models.CharField(max_length=150, blank=True)
    approved_at = models.DateTimeField(null=True)
    overrides = models.JSONField(
        default=list, blank=True, help_text="brake codes overridden for this job, with who and why"
    )
    cancel_requested_by = models.CharField(max_length=150, blank=True)
    cancel_requested_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    planned_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["requester", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="one_job_per_idempotency_key",
            )
        ]
        indexes = [models.Index(fields=["cluster", "state"])]

    def __str__(self) -> str:
        return f"#{self.pk} {self.kind}"


class Target(Leased):
    """One node's part of a job. `evidence` is what proved it."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="targets")
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="targets")
    state = models.CharField(max_length=12, choices=TARGET_STATES, default=TargetState.PENDING, db_index=True)
    evidence = models.JSONField(default=dict, blank=True)
    course = models.CharField(
        max_length=8, default=Course.FORWARD.value, help_text="forward, held or back (core.phases)"
    )
    stage = models.PositiveSmallIntegerField(default=0, help_text="how many phases of its kind it has behind it")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["job", "node"], name="one_target_per_node")]

    def __str__(self) -> str:
        return f"{self.node} in {self.job}"


class JobEvent(models.Model):
    """One line of a job's log."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    target = models.ForeignKey(Target, null=True, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    level = models.CharField(max_length=8, default="info", help_text="info, warning or error")
    code = models.CharField(max_length=60)
    text = models.TextField()
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.text


class ResourceLock(models.Model):
    """A resource (`cluster:3:config`, `node:7:services`) held by one job."""

    resource = models.CharField(max_length=100, unique=True)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="locks")
    taken_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.resource} held by {self.job}"


class WriteStop(models.Model):
    """The single row (id 1) of "stop all writes"."""

    stopped = models.BooleanField(default=False)
    by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return "all writes stopped" if self.stopped else "writes allowed"


PRESENT = timedelta(seconds=45)
"""A worker that said nothing for so long is not there; it says so every ten seconds."""


class Worker(models.Model):
    """A worker process, by the name it claims work under. It is no lock on anything: claims are. Times are by the
    database's clock."""

    name = models.CharField(max_length=120, unique=True, help_text="host and process")
    queues = models.CharField(max_length=100)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
