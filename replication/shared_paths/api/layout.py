"""Shared paths over REST: what is set, what follows for each folder, where nodes keep it today."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import check_if_match, tagged
from nodes.clusters.api import OfCluster
from nodes.clusters.models import Cluster
from nodes.enums import PathMode
from nodes.platforms.unc import LONGEST
from nodes.shares.core.draft import PathsChange
from nodes.shares.selectors.layout import paths_row
from nodes.shares.services.paths import set_paths
from nodes.web.rest import IF_MATCH, checked
from nodes.web.serializers import StrictInput
from replication.shared_paths.core.today import FolderShown, NodeName, Standing, Today
from replication.shared_paths.selectors.layout import SharedPathsShown, shared_paths_of
from replication.shared_paths.selectors.mailboxes import longest_mailbox

_MODES = [("", "No shared paths"), *PathMode.choices]


class NodeNameOut(serializers.Serializer[NodeName]):
    """A node."""

    node = serializers.IntegerField(read_only=True)
    name = serializers.CharField(read_only=True)


class TodayOut(serializers.Serializer[Today]):
    """Where some nodes keep a folder, by what was last read of them."""

    standing = serializers.ChoiceField(
        choices=[(one.value, one.label) for one in Standing],
        read_only=True,
        help_text="unread; as_set; inside the installation folder; differs from what is set; several places found; "
        "elsewhere, where nothing is set",
    )
    paths = serializers.ListField(child=serializers.CharField(), read_only=True)
    nodes = NodeNameOut(many=True, read_only=True)


class SharedFolderOut(serializers.Serializer[FolderShown]):
    """A folder that all nodes share; the queues are one while multi-node mail routing is on."""

    role = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    path = serializers.CharField(read_only=True, allow_null=True, help_text="where it shall lie; null: not set")
    today = TodayOut(many=True, read_only=True)


class SharedPathsOut(serializers.Serializer[SharedPathsShown]):
    """What is set of a cluster's shared paths. Nothing of it is written to a server by setting it."""

    mode = serializers.ChoiceField(choices=_MODES, source="row.mode", read_only=True, help_text="empty: none are set")
    common = serializers.CharField(source="row.common", read_only=True, help_text="used in the mode common")
    own = serializers.DictField(
        child=serializers.CharField(), source="own_texts", read_only=True, help_text="by role; used in individual"
    )
    routing = serializers.BooleanField(source="row.routing", read_only=True)
    queues = serializers.CharField(source="row.queues", read_only=True, help_text="empty: on the common share")
    changed_by = serializers.CharField(source="row.changed_by", read_only=True)
    changed_at = serializers.DateTimeField(source="row.changed_at", read_only=True, allow_null=True)
    folders = SharedFolderOut(many=True, read_only=True)


class SharedPathsPatch(StrictInput):
    """What to set; what is left out stays."""

    mode = serializers.ChoiceField(choices=_MODES, allow_blank=True, required=False)
    common = serializers.CharField(max_length=LONGEST, allow_blank=True, required=False)
    own = serializers.DictField(
        child=serializers.CharField(max_length=LONGEST, allow_blank=True),
        required=False,
        help_text="paths of single folders by role; empty for none. A complaint about one is named folder_ROLE.",
    )


class SharedPathsView(OfCluster):
    """Where a cluster's nodes shall keep the folders that they share."""

    @extend_schema(summary="Show the shared paths", operation_id="clusters_shared_paths", responses=SharedPathsOut)
    def get(self, request: Request, pk: int) -> Response:
        """Each folder with where it shall lie, and where each node keeps it today."""
        return self._answer(self.cluster(pk))

    @extend_schema(
        summary="Set the shared paths",
        operation_id="clusters_shared_paths_set",
        parameters=[IF_MATCH],
        request=SharedPathsPatch,
        responses=SharedPathsOut,
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Writes nothing to a server. Send If-Match to be sure to change what you saw."""
        cluster = self.cluster(pk)
        change = PathsChange(**checked(SharedPathsPatch, request))
        seen = check_if_match(request, paths_row(cluster))
        longest = longest_mailbox(cluster)
        set_paths(self.principal, cluster_id=cluster.pk, change=change, longest=longest, seen_version=seen)
        return self._answer(cluster)

    def _answer(self, cluster: Cluster) -> Response:
        shown = shared_paths_of(cluster)
        data: dict[str, Any] = dict(SharedPathsOut(shown).data)
        return tagged(self.request, shown.row, data)
