"""The engine's own state over REST: the switch that stops all writes, and who is at work."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.base import WithPrincipal
from accounts.models import Role
from nodes.clusters.access import require_portal
from nodes.web.rest import checked
from replication.jobs.api.inputs import WriteStopIn
from replication.jobs.api.serializers import WorkerOut, WriteStopOut
from replication.jobs.models import WriteStop
from replication.jobs.selectors.jobs import workers_seen
from replication.jobs.services.write_stop import ROW, allow_writes, stop_all_writes


class WriteStopView(WithPrincipal, APIView):
    """The switch for everything the portal does to nodes."""

    @extend_schema(summary="See whether all writes are stopped", responses=WriteStopOut)
    def get(self, request: Request) -> Response:
        """Anybody who is logged in may look."""
        stop = WriteStop.objects.filter(pk=ROW).first() or WriteStop(pk=ROW)
        return Response(WriteStopOut(stop).data)

    @extend_schema(summary="Stop or allow all writes", request=WriteStopIn, responses=WriteStopOut)
    def put(self, request: Request) -> Response:
        """Operators of the whole portal may stop; administrators may also allow again."""
        values = checked(WriteStopIn, request)
        turn = stop_all_writes if values["stopped"] else allow_writes
        return Response(WriteStopOut(turn(self.principal, values["reason"])).data)


class WorkersView(WithPrincipal, APIView):
    """Worker processes."""

    @extend_schema(summary="List workers", responses=WorkerOut(many=True))
    def get(self, request: Request) -> Response:
        """Those that are there, idle ones too, and those that hold claims."""
        require_portal(self.principal, Role.VIEWER)
        return Response(WorkerOut(workers_seen(), many=True).data)
