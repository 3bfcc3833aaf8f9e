"""Joining and leaving over REST, a cluster's registered servers, and the configuration each holds."""

from __future__ import annotations

from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import idempotency_key
from nodes.clusters.api import OfCluster
from nodes.registry.api import OfNode
from nodes.web.rest import checked
from replication.jobs.api.serializers import JobDetailOut
from replication.jobs.selectors.jobs import job_for
from replication.membership.api.serializers import (
    JoinIn,
    JoinOut,
    LeaveIn,
    ServersOut,
)
from replication.membership.selectors.servers import servers_of
from replication.membership.selectors.wizard import progress_of
from replication.membership.services import membership
from replication.membership.services.membership import LeaveRequest


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
        membership.join(self.principal, node_id=node.pk, **checked(JoinIn, request))
        node = self.node(node_id)
        return Response(JoinOut({"node": node, "progress": progress_of(node)}).data)


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
        job, created = membership.leave(self.principal, wanted)
        shown = JobDetailOut(job_for(self.principal).get(pk=job.pk)).data
        code = status.HTTP_202_ACCEPTED if created else status.HTTP_200_OK
        return Response(shown, status=code, headers={"Location": reverse("api-job-detail", args=[job.pk])})


class ServersView(OfCluster):
    """The registered servers of a cluster."""

    @extend_schema(summary="List registered servers", operation_id="clusters_servers", responses=ServersOut)
    def get(self, request: Request, cluster_id: int) -> Response:
        """The primary and every secondary that joined; `others` are registered nodes that have not, or have left."""
        return Response(ServersOut(servers_of(self.principal, self.cluster(cluster_id).pk)).data)
