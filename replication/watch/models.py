"""The watch over a cluster's primary: whether, how often, who looks, and what the last look made of it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from nodes.clusters.models import Cluster
from nodes.leases.models import Claimable
from replication.jobs.models import Job


class Watch(Claimable):
    """One a cluster, held by a worker from look to look. Times are by the database's clock. `signals` counts requests
    to look at once, so that none is lost during a look. The row is small because looks write it all the time."""

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="watch")
    enabled = models.BooleanField(default=True)
    interval = models.FloatField(null=True, help_text="seconds between two looks; empty: the product profile's")
    due_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True)
    set_at = models.DateTimeField(default=timezone.now, help_text="when both were set; to come: the clock was set back")
    signals = models.BigIntegerField(default=0)
    looked_at = models.DateTimeField(null=True)
    took = models.FloatField(null=True, help_text="seconds the last listing took; the better of the last two counts")
    mood = models.CharField(max_length=12, default="new")
    note = models.CharField(max_length=400, blank=True, help_text="for people: what it waits for")
    pending = models.PositiveIntegerField(default=0)
    pending_since = models.DateTimeField(null=True)
    last_change = models.CharField(max_length=300, blank=True)
    last_change_at = models.DateTimeField(null=True, help_text="when the change was first seen")
    last_job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    failures = models.PositiveIntegerField(default=0, help_text="looks in a row that failed")
    error_code = models.CharField(max_length=60, blank=True)
    error = models.CharField(max_length=400, blank=True)
    jobs_counted = models.BigIntegerField(default=0, help_text="the last job that was counted")
    jobs_failed = models.PositiveIntegerField(default=0, help_text="jobs in a row that were unsuccessful")
    retry_at = models.FloatField(default=0.0, help_text="seconds since 1970")
    damped_until = models.FloatField(default=0.0, help_text="seconds since 1970")

    def __str__(self) -> str:
        return f"watch over {self.cluster}"


class WatchMemory(models.Model):
    """What one look leaves for the next: written only where it changed, and bounded."""

    watch = models.OneToOneField(Watch, on_delete=models.CASCADE, primary_key=True, related_name="memory")
    document = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"memory of the {self.watch}"
