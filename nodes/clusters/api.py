"""Clusters over REST: the rows, pausing, members, path classes."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.base import WithPrincipal, check_if_match
from nodes.clusters import services as clusters_services
from nodes.clusters.access import visible_clusters
from nodes.clusters.models import Cluster
from nodes.clusters.selectors import clusters_for, members_of, path_overrides_of
from nodes.clusters.serializers import (
    ClusterIn,
    ClusterOut,
    ClusterPatch,
    MemberIn,
    MemberOut,
    PathClassIn,
    PathClassOut,
)
from nodes.web.rest import IF_MATCH, Resource, checked
from nodes.web.serializers import ReasonIn


class ClusterFilter(django_filters.FilterSet):
    """Clusters by part of the name, mode, profile and pause."""

    name = django_filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = Cluster
        fields = ["name", "replication_mode", "profile", "paused"]


class OfCluster(WithPrincipal, APIView):
    """About one cluster."""

    def cluster(self, pk: int) -> Cluster:
        """The cluster of the address, if the caller may see it."""
        return get_object_or_404(visible_clusters(self.principal), pk=pk)


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
        return self.visible(clusters_for).prefetch_related("nodes")

    @extend_schema(summary="Create a cluster", request=ClusterIn, responses={201: ClusterOut})
    def create(self, request: Request) -> Response:
        """The replication mode must be chosen; there is no default."""
        new = clusters_services.NewCluster(**checked(ClusterIn, request))
        return self.answer(clusters_services.create_cluster(self.principal, new=new).pk, status.HTTP_201_CREATED)

    @extend_schema(summary="Change a cluster", parameters=[IF_MATCH], request=ClusterPatch, responses=ClusterOut)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Send If-Match to be sure to change what you saw."""
        cluster = self.get_object()
        change = clusters_services.ClusterChange(**checked(ClusterPatch, request))
        seen = check_if_match(request, cluster)
        clusters_services.update_cluster(self.principal, cluster_id=cluster.pk, change=change, seen_version=seen)
        return self.answer(cluster.pk)

    @extend_schema(summary="Delete a cluster without nodes", parameters=[IF_MATCH], responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Refused while the cluster has nodes."""
        cluster = self.get_object()
        seen = check_if_match(request, cluster)
        clusters_services.delete_cluster(self.principal, cluster_id=cluster.pk, seen_version=seen)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Pause a cluster", request=ReasonIn, responses=ClusterOut)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """None of its jobs starts or changes a node until it is resumed."""
        cluster = self.get_object()
        clusters_services.pause_cluster(self.principal, cluster_id=cluster.pk, **checked(ReasonIn, request))
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
        member = clusters_services.set_member(self.principal, cluster_id=cluster.pk, username=username, role=role)
        return Response(MemberOut(member).data)

    @extend_schema(summary="Take a user's role away", parameters=[_USERNAME], responses={204: None})
    @set_member.mapping.delete
    def remove_member(self, request: Request, pk: str, username: str) -> Response:
        """Gone already is fine."""
        clusters_services.set_member(self.principal, cluster_id=self.get_object().pk, username=username, role="")
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
        rule = clusters_services.PathRule(**checked(PathClassIn, request))
        said = clusters_services.set_path_class(self.principal, cluster_id=cluster.pk, rule=rule)
        return Response(PathClassOut(said).data, status=status.HTTP_201_CREATED)

    @extend_schema(summary="Go back to the profile's class", parameters=[_OVERRIDE], responses={204: None})
    @action(
        detail=True, methods=["delete"], url_path=r"path-classes/(?P<override_id>[0-9]{1,18})", url_name="path-class"
    )
    def clear_path_class(self, request: Request, pk: str, override_id: str) -> Response:
        """The profile decides again."""
        cluster = self.get_object()
        clusters_services.clear_path_class(self.principal, cluster_id=cluster.pk, override_id=int(override_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
