"""The guide's set-up steps over REST."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from nodes.checks.services import attestations
from nodes.clusters.api import OfCluster
from nodes.web.rest import checked
from nodes.web.serializers import StrictInput
from replication.clustering.core.guide import STEP_STATES
from replication.clustering.selectors.guide import setup_of


class StepOut(serializers.Serializer[object]):
    """A step of the guide."""

    number = serializers.IntegerField(read_only=True)
    title = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(STEP_STATES, read_only=True)
    evidence = serializers.CharField(read_only=True)
    by = serializers.CharField(read_only=True, allow_blank=True, help_text="who attested it")
    at = serializers.DateTimeField(read_only=True, allow_null=True)
    note = serializers.CharField(read_only=True, allow_blank=True)


class StepIn(StrictInput):
    """What a person adds to a step."""

    note = serializers.CharField(max_length=200, allow_blank=True, default="")


class SetupView(OfCluster):
    """How far a cluster's set-up is."""

    @extend_schema(summary="Show the guide's set-up steps", operation_id="clusters_setup", responses=StepOut(many=True))
    def get(self, request: Request, cluster_id: int) -> Response:
        """Steps 1 to 15: done by evidence, attested by a person, or to do."""
        return Response(StepOut(setup_of(self.principal, self.cluster(cluster_id)), many=True).data)


class SetupStepView(OfCluster):
    """A person's word on one step."""

    @extend_schema(
        summary="Attest a set-up step", operation_id="clusters_setup_attest", request=StepIn, responses=StepOut
    )
    def put(self, request: Request, cluster_id: int, step: int) -> Response:
        """Evidence counts more: a step that is proven stays done."""
        cluster = self.cluster(cluster_id)
        note = checked(StepIn, request)["note"]
        attestations.attest_step(self.principal, cluster_id=cluster.pk, step=int(step), note=note)
        return Response(StepOut(setup_of(self.principal, cluster)[int(step) - 1]).data)

    @extend_schema(summary="Take that back", operation_id="clusters_setup_withdraw", responses={204: None})
    def delete(self, request: Request, cluster_id: int, step: int) -> Response:
        """Gone already is fine."""
        attestations.withdraw_step(self.principal, cluster_id=self.cluster(cluster_id).pk, step=int(step))
        return Response(status=status.HTTP_204_NO_CONTENT)
