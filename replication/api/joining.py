"""Joining and leaving over REST, a cluster's registered servers, and the configuration each holds."""

from __future__ import annotations

from typing import Any, NoReturn

from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.base import Pages, WithPrincipal, idempotency_key
from accounts.errors import Refused
from accounts.models import Role
from nodes.clusters.access import require
from nodes.enums import NodeRole
from nodes.registry.api import OfNode
from nodes.registry.selectors import primary_of
from nodes.web.rest import checked
from replication.api.joining_shapes import ConfigurationOut, DifferenceOut, JoinIn, JoinOut, LeaveIn, ServersOut
from replication.api.serializers import JobDetailOut
from replication.selectors.configuration import configuration_of
from replication.selectors.differences import differences_of
from replication.selectors.jobs import job_for
from replication.selectors.joining import progress_of
from replication.selectors.servers import servers_of
from replication.services import joining
from replication.services.joining import LeaveRequest


class JoinView(OfNode):
    """A secondary's way into its cluster."""

    @extend_schema(summary="Show how far a node's joining is", responses=JoinOut)
    def get(self, request: Request, node_id: int) -> Response:
        """Its steps, the checks that concern it, and the jobs that belong to its joining."""
        node = self.node(node_id)
        return Response(JoinOut({"node": node, "progress": progress_of(node)}).data)

    @extend_schema(summary="Confirm that a node joins", request=JoinIn, responses=JoinOut)
    def post(self, request: Request, node_id: int) -> Response:
        """All settings on that server will be overwritten by the next replication. Send its name to confirm. A check
        that fails and makes joining unsafe refuses with 409 `checks_failed`, each check in `errors` with its remedy."""
        node = self.node(node_id)
        joining.join(self.principal, node_id=node.pk, **checked(JoinIn, request))
        node = self.node(node_id)
        return Response(JoinOut({"node": node, "progress": progress_of(node)}).data)


class DifferencesView(OfNode):
    """The ini keys that differ between the primary and a node."""

    @extend_schema(
        summary="List ini keys that differ, with both values", responses=DifferenceOut(many=True), filters=False
    )
    def get(self, request: Request, node_id: int) -> Response:
        """As the last plan saw them; secret-looking values are masked. Answer them at `nodes/{id}/ini-keys/answer/`."""
        node = self.node(node_id)
        return Response(DifferenceOut(differences_of(self.principal, node), many=True).data)


class LeaveView(OfNode):
    """A secondary's way out of its cluster."""

    @extend_schema(
        summary="Let a node leave its cluster",
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
        request=LeaveIn,
        responses={202: JobDetailOut, 200: JobDetailOut},
    )
    def post(self, request: Request, node_id: int) -> Response:
        """A job gives it back what it had before joining, byte for byte; with `keep` it keeps what it has. `dry_run`
        shows what would be done and needs no name."""
        node = self.node(node_id)
        values = checked(LeaveIn, request)
        wanted = LeaveRequest(node_id=node.pk, idempotency_key=idempotency_key(request), **values)
        job, created = joining.leave(self.principal, wanted)
        shown = JobDetailOut(job_for(self.principal).get(pk=job.pk)).data
        code = status.HTTP_202_ACCEPTED if created else status.HTTP_200_OK
        return Response(shown, status=code, headers={"Location": reverse("api-job-detail", args=[job.pk])})


class ServersView(WithPrincipal, APIView):
    """The registered servers of a cluster."""

    @extend_schema(summary="List registered servers", operation_id="clusters_servers", responses=ServersOut)
    def get(self, request: Request, cluster_id: int) -> Response:
        """The primary and every secondary that joined; `others` are registered nodes that have not, or have left."""
        return Response(ServersOut(servers_of(self.principal, cluster_id)).data)


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
