"""The cluster log as a file; for the console and the API alike."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone

from nodes.cluster_log.models import ClusterLogLine
from nodes.clusters.models import Cluster

DOWNLOAD_LINES = 100_000


def log_file(cluster: Cluster, lines: list[ClusterLogLine]) -> HttpResponse:
    """The lines as a text file."""
    text = "".join(f"{line}\r\n" for line in lines)
    name = f"cluster-{cluster.pk}-{timezone.localdate():%Y-%m-%d}.log"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)
