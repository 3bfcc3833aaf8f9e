"""Snapshots, conflicts and unclassified paths over REST."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.base import WithPrincipal
from nodes.clusters.access import visible_clusters
from nodes.web.rest import Rows, checked
from nodes.web.serializers import EmptyIn
from replication.configuration.api.filters import ConflictFilter, SnapshotFilter
from replication.configuration.api.serializers import ConflictOut, SnapshotOut, UnclassifiedOut
from replication.configuration.models import Conflict, Snapshot
from replication.configuration.selectors.history import conflicts_for, findings_of, newest_snapshot, snapshots_for
from replication.configuration.services.conflicts import close_conflict


@extend_schema_view(
    list=extend_schema(summary="List snapshots", responses=SnapshotOut(many=True)),
    retrieve=extend_schema(summary="Show a snapshot", responses=SnapshotOut),
)
class SnapshotViewSet(Rows[Snapshot]):
    """The history of a cluster's configuration."""

    queryset = Snapshot.objects.none()
    serializer_class = SnapshotOut
    filterset_class = SnapshotFilter

    def get_queryset(self) -> QuerySet[Snapshot]:
        """What the caller may see."""
        return self.visible(snapshots_for)


@extend_schema_view(
    list=extend_schema(summary="List conflicts", responses=ConflictOut(many=True)),
    retrieve=extend_schema(summary="Show a conflict", responses=ConflictOut),
)
class ConflictViewSet(Rows[Conflict]):
    """Edits made on secondaries that replication overwrote."""

    queryset = Conflict.objects.none()
    serializer_class = ConflictOut
    filterset_class = ConflictFilter

    def get_queryset(self) -> QuerySet[Conflict]:
        """What the caller may see."""
        return self.visible(conflicts_for)

    @extend_schema(summary="Close a conflict", request=EmptyIn, responses=ConflictOut)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """Say that somebody has dealt with it."""
        checked(EmptyIn, request)
        return Response(ConflictOut(close_conflict(self.principal, self.get_object().pk)).data)


class UnclassifiedView(WithPrincipal, APIView):
    """What the latest snapshot could not sort or read."""

    @extend_schema(summary="List unclassified paths", operation_id="clusters_unclassified", responses=UnclassifiedOut)
    def get(self, request: Request, cluster_id: int) -> Response:
        """Empty before the first snapshot."""
        if not visible_clusters(self.principal).filter(pk=cluster_id).exists():
            raise Http404("No such cluster.")
        snapshot = newest_snapshot(cluster_id)
        found = findings_of(snapshot)
        body = {"snapshot": snapshot.pk if snapshot else None, "unclassified": found.unclassified}
        return Response(UnclassifiedOut({**body, "problems": found.problems}).data)
