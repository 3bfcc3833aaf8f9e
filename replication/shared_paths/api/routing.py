"""Multi-node mail routing and the mail queues over REST."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import check_if_match, etag_of
from accounts.errors import Reason
from nodes.clusters.api import OfCluster
from nodes.clusters.models import Cluster
from nodes.platforms.unc import LONGEST
from nodes.queues.selectors.gate import routing_gate
from nodes.queues.selectors.queues import Cell, ClusterQueues, Place, Unread, queues_of
from nodes.queues.tasks import ask_to_count
from nodes.shares.core.draft import RoutingChange
from nodes.shares.selectors.layout import paths_row
from nodes.shares.services.paths import set_routing
from nodes.web.rest import checked
from nodes.web.serializers import EmptyIn, StrictInput
from replication.shared_paths.selectors.routing import NodeRouting, RoutingShown, routing_of


class RoutingIn(StrictInput):
    """Whether nodes shall share their mail queues, and where."""

    enabled = serializers.BooleanField()
    queues = serializers.CharField(
        max_length=LONGEST,
        allow_blank=True,
        allow_null=True,
        default=None,
        help_text="the folder, as a UNC path; empty: under its usual name on the common share; null: as it is set",
    )


class ReasonOut(serializers.Serializer[Reason]):
    """What stands against switching it on."""

    code = serializers.CharField(read_only=True)
    text = serializers.CharField(read_only=True)
    remedy = serializers.CharField(read_only=True)


class NodeRoutingOut(serializers.Serializer[NodeRouting]):
    """Where one server works."""

    node = serializers.IntegerField(read_only=True)
    name = serializers.CharField(read_only=True)
    version = serializers.CharField(read_only=True, help_text="empty: not known")
    shares = serializers.BooleanField(
        read_only=True, allow_null=True, help_text="whether it works in the shared queues; null: not known"
    )
    folder = serializers.CharField(read_only=True, help_text="where it works; empty: not read yet")


class RoutingOut(serializers.Serializer[RoutingShown]):
    """Multi-node mail routing as it was set, and as it is on the servers."""

    enabled = serializers.BooleanField(source="row.routing", read_only=True)
    queues = serializers.CharField(source="row.queues", read_only=True, help_text="as it was set; empty: as usual")
    path = serializers.SerializerMethodField(help_text="the shared queues that follow; null: nobody said where")
    state = serializers.CharField(read_only=True, help_text="on, off, to_apply (some server does not do so) or unknown")
    sentence = serializers.CharField(read_only=True, help_text="what that means, for people")
    since = serializers.CharField(read_only=True, help_text="the version that it came with")
    reasons = ReasonOut(many=True, read_only=True, help_text="what stands against switching it on")
    nodes = NodeRoutingOut(many=True, read_only=True)

    def get_path(self, shown: RoutingShown) -> str | None:
        """As Windows spells it."""
        return str(shown.place) if shown.place else None


class RoutingView(OfCluster):
    """Multi-node mail routing of one cluster."""

    @extend_schema(summary="Show mail routing", operation_id="clusters_routing", responses=RoutingOut)
    def get(self, request: Request, cluster_id: int) -> Response:
        """What was set, and where each server works."""
        return self._answer(self.cluster(cluster_id))

    @extend_schema(
        summary="Set mail routing", operation_id="clusters_routing_set", request=RoutingIn, responses=RoutingOut
    )
    def put(self, request: Request, cluster_id: int) -> Response:
        """Nothing is written to a server by that; the job `shared_paths` does it. Needs the cluster's administrator.
        Send the ETag as If-Match to be refused where somebody else changed it meanwhile."""
        cluster = self.cluster(cluster_id)
        values = checked(RoutingIn, request)
        change = RoutingChange(on=values["enabled"], queues=values["queues"])
        seen = check_if_match(request, paths_row(cluster))
        set_routing(self.principal, cluster_id=cluster.pk, change=change, gate=routing_gate, seen_version=seen)
        return self._answer(cluster)

    def _answer(self, cluster: Cluster) -> Response:
        shown = routing_of(cluster)
        return Response(RoutingOut(shown).data, headers={"ETag": etag_of(shown.row)})


class CellOut(serializers.Serializer[Cell]):
    """What waits."""

    messages = serializers.IntegerField(read_only=True)
    size = serializers.IntegerField(read_only=True, help_text="bytes")
    oldest_at = serializers.DateTimeField(read_only=True, allow_null=True)


class PlaceOut(serializers.Serializer[Place]):
    """A folder with queues."""

    node = serializers.IntegerField(
        source="node.pk", read_only=True, default=None, allow_null=True, help_text="null: all share it"
    )
    nodes = serializers.SerializerMethodField(help_text="the names of those who work, or worked, in it")
    folder = serializers.CharField(read_only=True)
    away = serializers.BooleanField(
        read_only=True, help_text="nobody who could read it answers; numbers are of read_at"
    )
    read_at = serializers.DateTimeField(read_only=True)
    error = serializers.CharField(read_only=True, help_text="why it, or some of it, could not be read the last time")
    more = serializers.BooleanField(read_only=True, help_text="there were too many to count them all")
    total = CellOut(read_only=True)
    queues = serializers.DictField(source="cells", child=CellOut(), read_only=True, help_text="by sub-folder")

    def get_nodes(self, place: Place) -> list[str]:
        """By name."""
        return [node.name for node in place.nodes]


class UnreadOut(serializers.Serializer[Unread]):
    """A node whose queues were never read."""

    node = serializers.IntegerField(source="node.pk", read_only=True)
    name = serializers.CharField(source="node.name", read_only=True)
    error = serializers.CharField(source="why", read_only=True)


class QueuesOut(serializers.Serializer[ClusterQueues]):
    """What waits in a cluster's mail queues. Queues that all share count once."""

    total = CellOut(read_only=True)
    places = PlaceOut(many=True, read_only=True)
    left = PlaceOut(many=True, read_only=True, help_text="folders with messages in which no server works any more")
    unread = UnreadOut(many=True, read_only=True)


class QueuesView(OfCluster):
    """The mail queues of one cluster."""

    @extend_schema(summary="Show what waits in the mail queues", operation_id="clusters_queues", responses=QueuesOut)
    def get(self, request: Request, cluster_id: int) -> Response:
        """As it was counted last; each place says when."""
        return Response(QueuesOut(queues_of(self.cluster(cluster_id))).data)


class QueuesReadView(OfCluster):
    """Counting them now."""

    @extend_schema(
        summary="Count the mail queues now",
        operation_id="clusters_queues_read",
        request=EmptyIn,
        responses={202: None},
    )
    def post(self, request: Request, cluster_id: int) -> Response:
        """A worker counts what waits on every node that answers. Operators only."""
        cluster = self.cluster(cluster_id)
        checked(EmptyIn, request)
        ask_to_count(self.principal, cluster.pk)
        return Response(status=status.HTTP_202_ACCEPTED)
