"""The cluster log over REST: pages of lines, and a download."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from nodes.cluster_log.export import DOWNLOAD_LINES, log_file
from nodes.cluster_log.selectors import LogQuery, log_lines
from nodes.cluster_log.serializers import LogPageOut, LogQueryIn
from nodes.clusters.api import OfCluster
from nodes.web.rest import checked_query


def _asked(request: Request) -> tuple[LogQuery, int]:
    values = checked_query(LogQueryIn, request)
    limit = int(values.pop("limit"))
    level = values.pop("level")
    return LogQuery(levels=(level,) if level else (), **values), limit


class LogView(OfCluster):
    """The cluster log."""

    @extend_schema(
        summary="Read the cluster log", operation_id="clusters_log", parameters=[LogQueryIn], responses=LogPageOut
    )
    def get(self, request: Request, pk: int) -> Response:
        """Oldest first. Give `next` as `after` to go on, also when it was the end: that follows the log."""
        query, limit = _asked(request)
        rows = list(log_lines(self.principal, self.cluster(pk).pk, query)[: limit + 1])
        return Response(LogPageOut.of(rows[:limit], more=len(rows) > limit, after=query.after))


class LogDownloadView(OfCluster):
    """The cluster log as a file."""

    @extend_schema(
        summary="Download the cluster log",
        operation_id="clusters_log_download",
        parameters=[
            OpenApiParameter("level", str),
            OpenApiParameter("node", str),
            OpenApiParameter("search", str),
            OpenApiParameter("after", int),
        ],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request, pk: int) -> HttpResponse:
        """Text in the form of MDaemon's own Cluster log."""
        query, _ = _asked(request)
        return log_file(self.cluster(pk), list(log_lines(self.principal, pk, query)[:DOWNLOAD_LINES]))
