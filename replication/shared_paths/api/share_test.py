"""What tests found of the shared folders, over REST. A test is asked for as any job is, by its kind `share_test`."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import Refused
from nodes.clusters.api import OfCluster
from nodes.enums import CellReason, CellState
from nodes.products.errors import ProfileError
from nodes.shares.selectors.cells import matrix_of


class ShareCellOut(serializers.Serializer[object]):
    """One folder from one node; `node` null: from the portal."""

    node = serializers.IntegerField(source="node.pk", read_only=True, default=None, allow_null=True)
    node_name = serializers.CharField(source="node.name", read_only=True, default="", allow_blank=True)
    state = serializers.ChoiceField(CellState.choices, read_only=True)
    outdated = serializers.BooleanField(read_only=True, help_text="the folder lay elsewhere when it was tested")
    path = serializers.CharField(source="row.path", read_only=True, default="", allow_blank=True)
    reason = serializers.ChoiceField(
        CellReason.choices, source="row.reason", read_only=True, default="", allow_blank=True
    )
    text = serializers.CharField(source="row.text", read_only=True, default="", allow_blank=True)
    hint = serializers.CharField(read_only=True, allow_blank=True, help_text="what the portal found by itself")
    steps = serializers.DictField(
        child=serializers.FloatField(), source="row.steps", read_only=True, default=dict, help_text="seconds by step"
    )
    latency_ms = serializers.FloatField(source="row.latency_ms", read_only=True, default=None, allow_null=True)
    disk_free = serializers.IntegerField(source="row.disk_free", read_only=True, default=None, allow_null=True)
    disk_total = serializers.IntegerField(source="row.disk_total", read_only=True, default=None, allow_null=True)
    clock_offset = serializers.FloatField(
        source="row.clock_offset",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="seconds that the file server is ahead of the portal",
    )
    login = serializers.CharField(
        source="row.login", read_only=True, default="", allow_blank=True, help_text="as whom it was tried"
    )
    is_service_account = serializers.BooleanField(
        source="row.is_service_account",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="whether that is whom the services run as; null: not known",
    )
    tested_at = serializers.DateTimeField(source="row.tested_at", read_only=True, default=None, allow_null=True)
    job = serializers.IntegerField(source="row.job_number", read_only=True, default=None, allow_null=True)


class TestedFolderOut(serializers.Serializer[object]):
    """One folder from the portal and from every node."""

    role = serializers.CharField(source="place.role", read_only=True)
    label = serializers.CharField(source="place.label", read_only=True)  # type: ignore[assignment]
    path = serializers.CharField(source="place.path", read_only=True)
    cells = ShareCellOut(many=True, read_only=True, source="all_cells", help_text="the portal's first")


class ShareTestView(OfCluster):
    """What every node can do in the shared folders."""

    @extend_schema(
        summary="Show the test of the shared paths",
        operation_id="clusters_shared_paths_test",
        responses=TestedFolderOut(many=True),
    )
    def get(self, request: Request, cluster_id: int) -> Response:
        """As the newest test found them. Ask for one by `POST jobs` with the kind `share_test`."""
        try:
            matrix = matrix_of(self.cluster(cluster_id))
        except ProfileError as error:
            raise Refused("no_profile", str(error)) from error
        return Response(TestedFolderOut(matrix.rows, many=True).data)
