"""A server's configuration and what differs from the primary's, over REST; read-only."""

from __future__ import annotations

from typing import Any, NoReturn

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import Pages
from accounts.errors import Refused
from accounts.models import Role
from nodes.clusters.access import require
from nodes.enums import NodeRole
from nodes.registry.api import OfNode
from nodes.registry.selectors import primary_of
from replication.configuration.api.serializers import ConfigurationOut, DifferenceOut
from replication.configuration.selectors.configuration import configuration_of
from replication.configuration.selectors.differences import differences_of


class DifferencesView(OfNode):
    """The ini keys that differ between the primary and a node."""

    @extend_schema(
        summary="List ini keys that differ, with both values", responses=DifferenceOut(many=True), filters=False
    )
    def get(self, request: Request, node_id: int) -> Response:
        """As the last plan saw them; secret-looking values are masked. Answer them at `nodes/{id}/ini-keys/answer/`."""
        node = self.node(node_id)
        return Response(DifferenceOut(differences_of(self.principal, node), many=True).data)


class ConfigurationView(OfNode):
    """A node's configuration files. A secondary's are read-only: they are the primary's."""

    @extend_schema(
        summary="List a node's configuration files",
        parameters=[OpenApiParameter("page", int), OpenApiParameter("limit", int)],
        responses=ConfigurationOut,
        filters=False,
    )
    def get(self, request: Request, node_id: int) -> Response:
        """As last seen on the primary or proven on a secondary: names, sizes, hashes; never contents."""
        found = configuration_of(self.node(node_id))
        pages = Pages()
        part: list[Any] = list(pages.paginate_queryset(found.files, request, view=self) or ())
        body = {"count": len(found.files), "files": part, "node": node_id}
        body |= {name: getattr(found, name) for name in ("source", "at", "read_only", "changed_on")}
        return Response(ConfigurationOut(body).data)

    @extend_schema(exclude=True)
    def put(self, request: Request, node_id: int) -> Response:
        """Refused, with where changes are made."""
        self._refuse(request, node_id)

    @extend_schema(exclude=True)
    def patch(self, request: Request, node_id: int) -> Response:
        """Refused, with where changes are made."""
        self._refuse(request, node_id)

    @extend_schema(exclude=True)
    def delete(self, request: Request, node_id: int) -> Response:
        """Refused, with where changes are made."""
        self._refuse(request, node_id)

    @extend_schema(exclude=True)
    def post(self, request: Request, node_id: int) -> Response:
        """Refused, with where changes are made."""
        self._refuse(request, node_id)

    def _refuse(self, request: Request, node_id: int) -> NoReturn:
        node = self.node(node_id)
        require(self.principal, node.cluster_id, Role.OPERATOR)
        if node.role != NodeRole.SECONDARY:
            text = f"Change the configuration on {node.name} itself, in MDaemon; replication takes it from there."
            raise MethodNotAllowed(str(request.method), detail=text)
        primary = primary_of(node.cluster)
        if primary is None:
            raise Refused("read_only", "The cluster has no primary on which configuration could be changed.")
        raise Refused("read_only", f"configuration changes are made on the primary {primary.name}")
