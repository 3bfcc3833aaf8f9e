"""Searches of networks over REST."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import Pages
from nodes.clusters.api import OfCluster
from nodes.discovery import services as discovery_services
from nodes.discovery.models import NetworkSearch
from nodes.discovery.selectors import hits_of, searches_of
from nodes.discovery.tasks import ask_to_search
from nodes.enums import SearchState
from nodes.web.rest import checked
from nodes.web.serializers import EmptyIn, StrictInput


class SearchIn(StrictInput):
    """Networks to search: private ones, loopback, or what this installation allows besides; at most 1024 addresses."""

    networks = serializers.ListField(
        child=serializers.CharField(max_length=64), min_length=1, max_length=16, help_text="address/bits"
    )
    ssh_ports = serializers.ListField(child=serializers.IntegerField(), min_length=1, max_length=4, required=False)
    smtp_ports = serializers.ListField(child=serializers.IntegerField(), min_length=1, max_length=4, required=False)


class ServiceOut(serializers.Serializer[object]):
    """A port that greeted."""

    port = serializers.IntegerField(read_only=True)
    protocol = serializers.ChoiceField(["ssh", "smtp"], read_only=True)
    banner = serializers.CharField(read_only=True)


class HitOut(serializers.Serializer[object]):
    """A server that answered. `node`: the node of this cluster that it is already."""

    address = serializers.CharField(source="hit.address", read_only=True)
    host_name = serializers.CharField(source="hit.host_name", read_only=True)
    mdaemon = serializers.BooleanField(source="hit.product", read_only=True)
    version = serializers.CharField(source="hit.version", read_only=True, help_text="empty where the banner hides it")
    ssh_port = serializers.IntegerField(source="ssh", read_only=True, allow_null=True)
    services = ServiceOut(source="hit.services", many=True, read_only=True)
    node = serializers.IntegerField(source="known.pk", read_only=True, allow_null=True, default=None)


class SearchOut(serializers.ModelSerializer[NetworkSearch]):
    """A search and how far it is: `done` of `total` addresses."""

    networks = serializers.ListField(child=serializers.CharField(), read_only=True)
    ssh_ports = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    smtp_ports = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    state = serializers.ChoiceField(SearchState.choices, read_only=True)
    found = serializers.IntegerField(read_only=True)

    class Meta:
        model = NetworkSearch
        fields = [
            "id",
            "cluster",
            "networks",
            "ssh_ports",
            "smtp_ports",
            "state",
            "total",
            "done",
            "found",
            "sockets",
            "requested_by",
            "cancelled_by",
            "error",
            "created_at",
            "started_at",
            "ended_at",
        ]
        read_only_fields = fields


class SearchDetailOut(SearchOut):
    """A search with what answered."""

    hits = serializers.SerializerMethodField()

    class Meta(SearchOut.Meta):
        fields = [*SearchOut.Meta.fields, "hits"]
        read_only_fields = fields

    @extend_schema_field(HitOut(many=True))
    def get_hits(self, search: NetworkSearch) -> object:
        """Servers that name MDaemon first."""
        return HitOut(hits_of(search), many=True).data


class _View(OfCluster):
    def answer(self, pk: int, search_id: int, code: int = status.HTTP_200_OK) -> Response:
        """The search as it is now. Raises Http404."""
        search = get_object_or_404(searches_of(self.principal, pk), pk=search_id)
        return Response(SearchDetailOut(search).data, status=code)


class SearchesView(_View):
    """A cluster's searches."""

    pagination_class = Pages

    @extend_schema(summary="List searches", operation_id="clusters_searches_list", responses=SearchOut(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """Newest first."""
        pages = self.pagination_class()
        found = pages.paginate_queryset(searches_of(self.principal, self.cluster(pk).pk), request, view=self)
        return pages.get_paginated_response(SearchOut(found, many=True).data)

    @extend_schema(summary="Search networks for servers", request=SearchIn, responses={202: SearchDetailOut})
    def post(self, request: Request, pk: int) -> Response:
        """A worker connects to the SSH and SMTP ports and reads only the greeting. Poll until it has ended."""
        body = {name: tuple(value) for name, value in checked(SearchIn, request).items()}
        search = discovery_services.start_search(
            self.principal, new=discovery_services.NewSearch(cluster_id=pk, **body)
        )
        ask_to_search(search.pk)
        return self.answer(pk, search.pk, status.HTTP_202_ACCEPTED)


class SearchView(_View):
    """One search."""

    @extend_schema(summary="Show a search", operation_id="clusters_searches_show", responses=SearchDetailOut)
    def get(self, request: Request, pk: int, search_id: int) -> Response:
        """With what answered so far."""
        return self.answer(pk, search_id)


class CancelSearchView(_View):
    """Ending a search."""

    @extend_schema(summary="Cancel a search", request=EmptyIn, responses=SearchDetailOut)
    def post(self, request: Request, pk: int, search_id: int) -> Response:
        """Its worker stops within a second; what was found stays."""
        checked(EmptyIn, request)
        search = get_object_or_404(searches_of(self.principal, pk), pk=search_id)
        discovery_services.cancel_search(self.principal, search_id=search.pk)
        return self.answer(pk, search_id)
