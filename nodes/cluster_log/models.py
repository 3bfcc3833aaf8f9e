"""The cluster log: what happened to a cluster, in the form of MDaemon's own Cluster log."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from nodes.clusters.models import Cluster
from nodes.enums import LogLevel


class ClusterLogLine(models.Model):
    """One line. `node_name` says on which node's log MDaemon would have written it, "" for the whole cluster. `session`
    is the number of the job behind it as eight hex digits, 00000000 without one."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="log_lines")
    node_name = models.CharField(max_length=63, blank=True)
    at = models.DateTimeField()
    level = models.CharField(max_length=7, choices=LogLevel)
    session = models.CharField(max_length=8, default="00000000")
    code = models.CharField(max_length=10, help_text="0x and eight hex digits")
    text = models.CharField(max_length=500)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["cluster", "id"]), models.Index(fields=["at"])]

    def __str__(self) -> str:
        """The guide's form, in the portal's time zone: `21/04/02 16:02:06.318 Info 00000106 0x41510618 text`."""
        local = timezone.localtime(self.at)
        stamp = f"{local:%y/%m/%d %H:%M:%S}.{local.microsecond // 1000:03d}"
        return f"{stamp} {self.level} {self.session} {self.code} {self.text}"
