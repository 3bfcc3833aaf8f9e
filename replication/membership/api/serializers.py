"""Shapes of joining, leaving, servers and configuration."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from nodes.enums import Joining
from nodes.lifecycle.core import ACCEPTABLE
from nodes.registry.models import Node
from nodes.registry.status import status_of
from nodes.web.serializers import StrictInput, VerdictOut


class JoinIn(StrictInput):
    """The node's name, typed by whoever confirms that all settings on that server will be overwritten."""

    confirm_name = serializers.CharField(max_length=63)
    accept = serializers.ListField(
        child=serializers.ChoiceField([*ACCEPTABLE]),
        default=list,
        help_text="checks whose failure you accept for this joining; each is audited",
    )


class LeaveIn(StrictInput):
    """How a node leaves. The name is needed unless only a plan is asked for."""

    confirm_name = serializers.CharField(max_length=63, allow_blank=True, default="")
    keep = serializers.BooleanField(default=False, help_text="keep the replicated configuration")
    dry_run = serializers.BooleanField(default=False, help_text="plan only, change nothing")
    reason = serializers.CharField(max_length=300, allow_blank=True, default="")


class CheckOut(serializers.Serializer[object]):
    """What a guard says of the node, of others that stand in its way, or of its cluster. `blocks`: joining is refused
    while it stands so; `acceptable`: unless its code is in `accept`."""

    code = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    standing = serializers.CharField(read_only=True)
    evidence = serializers.CharField(read_only=True)
    remedy = serializers.CharField(read_only=True)
    blocks = serializers.BooleanField(read_only=True)
    acceptable = serializers.BooleanField(read_only=True)


class JoinStepOut(serializers.Serializer[object]):
    """One step: done, current or todo.

    Fields take the place of DRF's own attributes of the same name only in its table of fields, never on the class.
    """

    step = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    state = serializers.CharField(read_only=True)


class JoinOut(serializers.Serializer[object]):
    """How far a node's joining is. `comparison`: the job that only looked; `first`: the one that writes and proves."""

    node = serializers.IntegerField(source="node.pk", read_only=True)
    name = serializers.CharField(source="node.name", read_only=True)
    joining = serializers.ChoiceField(Joining.choices, source="node.joining", read_only=True)
    joining_by = serializers.CharField(source="node.joining_by", read_only=True)
    joining_since = serializers.DateTimeField(source="node.joining_since", read_only=True, allow_null=True)
    steps = JoinStepOut(source="progress.steps", many=True, read_only=True)
    checks = CheckOut(source="progress.checks", many=True, read_only=True)
    comparison = serializers.IntegerField(
        source="progress.comparison.pk", read_only=True, allow_null=True, default=None, help_text="id of a job"
    )
    first = serializers.IntegerField(
        source="progress.first.pk", read_only=True, allow_null=True, default=None, help_text="id of a job"
    )


class ServerOut(serializers.ModelSerializer[Node]):
    """A server of the cluster, or a node on its way in or out."""

    product_version = serializers.SerializerMethodField()
    proven_at = serializers.DateTimeField(source="baseline.proven_at", default=None, read_only=True, allow_null=True)
    verdict = serializers.SerializerMethodField()

    class Meta:
        model = Node
        fields = [
            "id",
            "name",
            "role",
            "address",
            "port",
            "joining",
            "joining_since",
            "health",
            "health_cause",
            "verdict",
            "paused",
            "quarantined_reason",
            "product_version",
            "proven_at",
        ]
        read_only_fields = fields

    def get_product_version(self, node: Node) -> str:
        """What the node last told; empty while it told nothing."""
        return node.facts.product_version if hasattr(node, "facts") else ""

    @extend_schema_field(VerdictOut)
    def get_verdict(self, node: Node) -> object:
        """How it stands."""
        return VerdictOut(status_of(node)).data


class ServersOut(serializers.Serializer[object]):
    """The registered servers, the primary first, and the other nodes."""

    registered = ServerOut(many=True, read_only=True)
    others = ServerOut(many=True, read_only=True)
