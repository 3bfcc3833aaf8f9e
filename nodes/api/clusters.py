"""Clusters over REST: the rows, pausing, members, path classes."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import check_if_match
from nodes.api.base import IF_MATCH, Resource, checked
from nodes.api.filters import ClusterFilter
from nodes.api.inputs import ClusterIn, ClusterPatch, MemberIn, PathClassIn, ReasonIn
from nodes.api.serializers import ClusterOut, MemberOut, PathClassOut
from nodes.models.cluster import Cluster
from nodes.selectors.clusters import clusters_for, members_of, path_overrides_of
from nodes.services import clusters as services

_USERNAME = OpenApiParameter("username", str, OpenApiParameter.PATH)
_OVERRIDE = OpenApiParameter("override_id", int, OpenApiParameter.PATH)


@extend_schema_view(
    list=extend_schema(summary="List clusters", responses=ClusterOut(many=True)),
    retrieve=extend_schema(summary="Show a cluster", responses=ClusterOut),
)
class ClusterViewSet(Resource[Cluster]):
    """Servers that share one configuration."""

    queryset = Cluster.objects.none()
    serializer_class = ClusterOut
    filterset_class = ClusterFilter

    def get_queryset(self) -> QuerySet[Cluster]:
        """What the caller may see."""
        return self.visible(clusters_for)

    @extend_schema(summary="Create a cluster", request=ClusterIn, responses={201: ClusterOut})
    def create(self, request: Request) -> Response:
        """The replication mode must be chosen; there is no default."""
        new = services.NewCluster(**checked(ClusterIn, request))
        return self.answer(services.create_cluster(self.principal, new=new).pk, status.HTTP_201_CREATED)

    @extend_schema(summary="Change a cluster", parameters=[IF_MATCH], request=ClusterPatch, responses=ClusterOut)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Send If-Match to be sure to change what you saw."""
        cluster = self.get_object()
        change = services.ClusterChange(**checked(ClusterPatch, request))
        seen = check_if_match(request, cluster)
        services.update_cluster(self.principal, cluster_id=cluster.pk, change=change, seen_version=seen)
        return self.answer(cluster.pk)

    @extend_schema(summary="Delete a cluster without nodes", parameters=[IF_MATCH], responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Refused while the cluster has nodes."""
        cluster = self.get_object()
        seen = check_if_match(request, cluster)
        services.delete_cluster(self.principal, cluster_id=cluster.pk, seen_version=seen)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Pause a cluster", request=ReasonIn, responses=ClusterOut)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """None of its jobs starts or changes a node until it is resumed."""
        cluster = self.get_object()
        services.pause_cluster(self.principal, cluster_id=cluster.pk, **checked(ReasonIn, request))
        return self.answer(cluster.pk)

    @extend_schema(summary="List who may do what on a cluster", responses=MemberOut(many=True), filters=False)
    @action(detail=True, filterset_class=None)
    def members(self, request: Request, pk: str) -> Response:
        """Users with a role of their own on this cluster; portal-wide roles come on top."""
        return self.page(members_of(self.principal, self.get_object().pk), MemberOut)

    @extend_schema(summary="Give a user a role", parameters=[_USERNAME], request=MemberIn, responses=MemberOut)
    @action(detail=True, methods=["put"], url_path=r"members/(?P<username>[^/]+)", url_name="member")
    def set_member(self, request: Request, pk: str, username: str) -> Response:
        """Replaces the role the user had on this cluster."""
        cluster = self.get_object()
        role = checked(MemberIn, request)["role"]
        member = services.set_member(self.principal, cluster_id=cluster.pk, username=username, role=role)
        return Response(MemberOut(member).data)

    @extend_schema(summary="Take a user's role away", parameters=[_USERNAME], responses={204: None})
    @set_member.mapping.delete
    def remove_member(self, request: Request, pk: str, username: str) -> Response:
        """Gone already is fine."""
        services.set_member(self.principal, cluster_id=self.get_object().pk, username=username, role="")
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="List path classes set by hand", responses=PathClassOut(many=True), filters=False)
    @action(detail=True, url_path="path-classes", filterset_class=None)
    def path_classes(self, request: Request, pk: str) -> Response:
        """Stronger than the product profile's."""
        return self.page(path_overrides_of(self.principal, self.get_object().pk), PathClassOut)

    @extend_schema(summary="Say which class a path has", request=PathClassIn, responses={201: PathClassOut})
    @path_classes.mapping.post
    def set_path_class(self, request: Request, pk: str) -> Response:
        """Saying it again for the same pattern replaces what was said."""
        cluster = self.get_object()
        rule = services.PathRule(**checked(PathClassIn, request))
        said = services.set_path_class(self.principal, cluster_id=cluster.pk, rule=rule)
        return Response(PathClassOut(said).data, status=status.HTTP_201_CREATED)

    @extend_schema(summary="Go back to the profile's class", parameters=[_OVERRIDE], responses={204: None})
    @action(
        detail=True, methods=["delete"], url_path=r"path-classes/(?P<override_id>[0-9]{1,18})", url_name="path-class"
    )
    def clear_path_class(self, request: Request, pk: str, override_id: str) -> Response:
        """The profile decides again."""
        cluster = self.get_object()
        services.clear_path_class(self.principal, cluster_id=cluster.pk, override_id=int(override_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
