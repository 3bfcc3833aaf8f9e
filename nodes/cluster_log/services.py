"""Writing the cluster log: always in the transaction of what a line reports.

Codes 0x4151xxxx below F000 are MDaemon's own, as far as its guide shows them; 0x4151Fxxx are this portal's and mean
nothing to MDaemon. docs/operating.md has the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from nodes.cluster_log.models import ClusterLogLine
from nodes.clusters.models import Cluster
from nodes.enums import LogLevel

SECONDARY_ADDED = "0x41511220"
LIST_REBUILT = "0x41510270"
SIGNAL = "0x4151020C"
COMPLETED = "0x41510618"
"""The guide's four."""

GUARD_PASSES = "0x4151F000"
CLOCK_OFF = "0x4151F001"
TIME_ZONE_DIFFERS = "0x4151F002"
GUARD_WARNS = "0x4151F003"
GUARD_FAILS = "0x4151F004"
ATTESTED = "0x4151F010"
FEATURES_OFF = "0x4151F020"
FEATURES_RESTORED = "0x4151F021"
CLUSTERING_ON = "0x4151F022"
CLUSTERING_OFF = "0x4151F023"
HALTED = "0x4151F030"
OVERRIDDEN = "0x4151F031"
NODE_AWAY = "0x4151F040"
NODE_BACK = "0x4151F041"
"""The portal's own."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line not yet written. `job` is the job behind it, 0 for none."""

    code: str
    text: str
    level: LogLevel = LogLevel.DEBUG
    node_name: str = ""
    job: int = 0
    at: datetime = field(default_factory=timezone.now)

    def row(self, cluster_id: int) -> ClusterLogLine:
        """The row it will be."""
        return ClusterLogLine(
            cluster_id=cluster_id,
            node_name=self.node_name[:63],
            at=self.at,
            level=self.level,
            session=f"{self.job & 0xFFFFFFFF:08X}",
            code=self.code,
            text=" ".join(self.text.split())[:500],
        )


def write(cluster_id: int, entries: Iterable[Entry]) -> None:
    """Append lines to a cluster's log."""
    ClusterLogLine.objects.bulk_create([entry.row(cluster_id) for entry in entries], batch_size=200)


def prune() -> int:
    """Forget lines older than the setting, and of each cluster those beyond its number; answers how many went."""
    oldest = timezone.now() - timedelta(days=settings.PORTAL.cluster_log_days)
    gone, _ = ClusterLogLine.objects.filter(at__lt=oldest).delete()
    for cluster_id in Cluster.objects.values_list("pk", flat=True):
        rows = ClusterLogLine.objects.filter(cluster=cluster_id).order_by("-pk").values_list("pk", flat=True)
        first_over = rows[settings.PORTAL.cluster_log_lines :][:1]
        for pk in list(first_over):
            gone += ClusterLogLine.objects.filter(cluster=cluster_id, pk__lte=pk).delete()[0]
    return gone
