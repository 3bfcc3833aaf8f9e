"""Enabling and disabling clustering over REST."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import tagged
from nodes.clusters.api import OfCluster
from nodes.clusters.selectors import clusters_for
from nodes.clusters.serializers import ClusterOut
from nodes.enums import Clustering
from nodes.facts.models import FeatureMemory
from nodes.web.rest import checked
from nodes.web.serializers import EmptyIn, StrictInput
from replication.clustering.selectors.clustering import clustering_of
from replication.clustering.services import clustering
from replication.clustering.services.clustering import DisableRequest


class ClusteringIn(StrictInput):
    """What clustering shall be. Disabling it wants the cluster's name, typed."""

    enabled = serializers.BooleanField()
    confirm_name = serializers.CharField(max_length=63, allow_blank=True, default="")
    reason = serializers.CharField(max_length=300, allow_blank=True, default="")


class UnknownSwitchOut(serializers.Serializer[object]):
    """A feature whose switch nobody has found yet; say where it is at `clusters/{id}/features/{code}`."""

    code = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    note = serializers.CharField(read_only=True)


class RememberedOut(serializers.ModelSerializer[FeatureMemory]):
    """What a switch was before clustering switched it off."""

    node_name = serializers.CharField(source="node.name", read_only=True)
    job = serializers.IntegerField(source="job_number", read_only=True)
    value = serializers.CharField(source="shown", read_only=True, help_text="masked where it looks like a secret")

    class Meta:
        model = FeatureMemory
        fields = ["node", "node_name", "feature", "path", "section", "key", "value", "switched_at", "job"]
        read_only_fields = fields


class ClusteringOut(serializers.Serializer[object]):
    """How it is with clustering. `sentence`: what is being done, or why it is not; "" where nothing is. `job`: the
    newest one that switched features since; `to_do`: for a person; `remembered`: given back when it is disabled."""

    state = serializers.ChoiceField(Clustering.choices, read_only=True)
    since = serializers.DateTimeField(read_only=True, allow_null=True)
    by = serializers.CharField(read_only=True, allow_blank=True)
    sentence = serializers.CharField(read_only=True, allow_blank=True)
    job = serializers.IntegerField(source="job.pk", read_only=True, default=None, allow_null=True)
    job_state = serializers.CharField(source="job.state", read_only=True, default="", allow_blank=True)
    to_do = UnknownSwitchOut(many=True, read_only=True)
    remembered = RememberedOut(many=True, read_only=True)


class ClusteringView(OfCluster):
    """Whether a cluster's servers act as one."""

    @extend_schema(
        summary="Show whether clustering is enabled", operation_id="clusters_clustering", responses=ClusteringOut
    )
    def get(self, request: Request, cluster_id: int) -> Response:
        """With what it has switched off, and what a person has to find."""
        return Response(ClusteringOut(clustering_of(self.principal, self.cluster(cluster_id))).data)

    @extend_schema(
        summary="Enable or disable clustering",
        operation_id="clusters_clustering_set",
        request=ClusteringIn,
        responses=ClusteringOut,
    )
    def put(self, request: Request, cluster_id: int) -> Response:
        """Enabling requests a job that switches off what does not go with clustering; a person approves it. Disabling
        requests the job that gives it back; once that is proven nothing is replicated any more."""
        cluster = self.cluster(cluster_id)
        wanted = checked(ClusteringIn, request)
        if wanted.pop("enabled"):
            clustering.enable(self.principal, cluster.pk)
        else:
            clustering.disable(self.principal, DisableRequest(cluster.pk, **wanted))
        return Response(ClusteringOut(clustering_of(self.principal, self.cluster(cluster_id))).data)


class ResumeView(OfCluster):
    """The end of a pause."""

    @extend_schema(
        summary="Resume a cluster", operation_id="clusters_resume_create", request=EmptyIn, responses=ClusterOut
    )
    def post(self, request: Request, cluster_id: int) -> Response:
        """Its jobs may run again. Resuming a new cluster enables clustering."""
        cluster = self.cluster(cluster_id)
        checked(EmptyIn, request)
        clustering.resume(self.principal, cluster.pk)
        row = clusters_for(self.principal).prefetch_related("nodes").get(pk=cluster.pk)
        return tagged(request, row, ClusterOut(row).data)
