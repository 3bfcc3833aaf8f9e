"""What the mail queues of nodes held when they were last read."""

from __future__ import annotations

from django.db import models

from nodes.registry.models import Node


class QueueReading(models.Model):
    """One node's queues. `place`: the folder that was read, as the node spells it. `shared`: whether that is the one
    that all nodes share. `left_place`: the folder that it worked in before, where messages may be left; `left_shared`:
    whether that is the one that all share, or shared. `more`: so many lie there that not all were counted. `error`: why
    they could not be read the last time, or some of their folders; what was read before stands."""

    node = models.OneToOneField(Node, on_delete=models.CASCADE, related_name="queue_reading")
    place = models.CharField(max_length=400, blank=True)
    shared = models.BooleanField(default=False)
    left_place = models.CharField(max_length=400, blank=True)
    left_shared = models.BooleanField(default=False)
    more = models.BooleanField(default=False)
    read_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True, help_text="when it was last tried")
    error = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"queues of {self.node}"


class QueueCount(models.Model):
    """One queue of a reading: how many messages, their bytes, since when the oldest lies there. `left`: it lies in the
    node's former folder."""

    reading = models.ForeignKey(QueueReading, on_delete=models.CASCADE, related_name="counts")
    queue = models.CharField(max_length=200, help_text="relative to the queues' folder, with /")
    left = models.BooleanField(default=False)
    messages = models.PositiveIntegerField()
    size = models.BigIntegerField()
    oldest_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["left", "queue"]
        constraints = [models.UniqueConstraint(fields=["reading", "left", "queue"], name="one_count_per_queue")]

    def __str__(self) -> str:
        return f"{self.queue}: {self.messages}"
