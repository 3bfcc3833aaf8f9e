"""Worker processes that say that they are there."""

from __future__ import annotations

from datetime import timedelta

from django.db import models

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
