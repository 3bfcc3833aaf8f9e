"""Shapes of clusters, members and path classes over REST."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Role
from nodes.clusters.models import Cluster, Membership, PathOverride
from nodes.enums import ApprovalPolicy, ReplicationMode
from nodes.products.profile import PathClass
from nodes.web.serializers import StrictInput, VerdictOut
from nodes.web.verdicts import verdict_of


class ClusterIn(StrictInput):
    """A cluster to be made."""

    name = serializers.CharField(max_length=63)
    replication_mode = serializers.ChoiceField(ReplicationMode.choices, help_text="must be chosen; there is no default")
    description = serializers.CharField(max_length=200, allow_blank=True, default="")
    profile = serializers.CharField(max_length=63, default="mdaemon")
    approval = serializers.ChoiceField(ApprovalPolicy.choices, default=ApprovalPolicy.FIRST)


class ClusterPatch(StrictInput):
    """What to change of a cluster."""

    name = serializers.CharField(max_length=63, required=False)
    description = serializers.CharField(max_length=200, allow_blank=True, required=False)
    profile = serializers.CharField(max_length=63, required=False)
    approval = serializers.ChoiceField(ApprovalPolicy.choices, required=False)


class MemberIn(StrictInput):
    """A role on a cluster."""

    role = serializers.ChoiceField(Role.choices)


class PathClassIn(StrictInput):
    """A pattern and the class that everything matching it has."""

    pattern = serializers.CharField(max_length=400, help_text="relative path with *, ? and **, for example App/*.dat")
    path_class = serializers.ChoiceField([item.value for item in PathClass if item is not PathClass.UNCLASSIFIED])
    note = serializers.CharField(max_length=200, allow_blank=True, default="")


class ClusterOut(serializers.ModelSerializer[Cluster]):
    """A cluster."""

    node_count = serializers.IntegerField(read_only=True)
    quarantined_count = serializers.IntegerField(read_only=True)
    verdict = serializers.SerializerMethodField()

    class Meta:
        model = Cluster
        fields = [
            "id",
            "name",
            "description",
            "profile",
            "replication_mode",
            "approval",
            "paused",
            "paused_reason",
            "clustering",
            "clustering_by",
            "clustering_since",
            "node_count",
            "quarantined_count",
            "verdict",
            "created_at",
            "version",
        ]
        read_only_fields = fields

    @extend_schema_field(VerdictOut)
    def get_verdict(self, cluster: Cluster) -> object:
        """How it stands."""
        return VerdictOut(verdict_of(cluster)).data


class MemberOut(serializers.ModelSerializer[Membership]):
    """A user's role on a cluster."""

    username = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Membership
        fields = ["username", "role"]
        read_only_fields = fields


class PathClassOut(serializers.ModelSerializer[PathOverride]):
    """What an operator said of a path pattern."""

    class Meta:
        model = PathOverride
        fields = ["id", "pattern", "path_class", "note", "created_by", "created_at"]
        read_only_fields = fields
