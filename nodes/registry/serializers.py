"""Shapes of nodes and host keys over REST."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.base import IdField
from nodes.enums import NodeRole, PlatformName
from nodes.registry.models import HostKey, Node
from nodes.registry.status import status_of
from nodes.web.serializers import SecretText, StrictInput, VerdictOut


class NodeIn(StrictInput):
    """A server to be registered."""

    cluster = IdField()
    name = serializers.CharField(max_length=63, help_text="NetBIOS or DNS host name")
    address = serializers.CharField(max_length=253, help_text="IP address, DNS name or NetBIOS name to connect to")
    port = serializers.IntegerField(min_value=1, max_value=65535, default=22)
    platform = serializers.ChoiceField(PlatformName.choices)
    role = serializers.ChoiceField(NodeRole.choices, default=NodeRole.SECONDARY)
    install_root = serializers.CharField(max_length=400, help_text="installation folder as the server spells it")
    credential = IdField(allow_null=True, default=None)
    host_key_fingerprint = serializers.CharField(
        max_length=4096, allow_blank=True, default="", help_text="SHA256:... learned on another way; counts as approved"
    )


class NodePatch(StrictInput):
    """What to change of a node."""

    name = serializers.CharField(max_length=63, required=False)
    address = serializers.CharField(max_length=253, required=False)
    port = serializers.IntegerField(min_value=1, max_value=65535, required=False)
    platform = serializers.ChoiceField(PlatformName.choices, required=False)
    role = serializers.ChoiceField(NodeRole.choices, required=False)
    install_root = serializers.CharField(max_length=400, required=False)
    credential = IdField(required=False)


class FingerprintIn(StrictInput):
    """A host key by its fingerprint."""

    fingerprint = serializers.CharField(max_length=4096, help_text="SHA256:... as `ssh-keygen -l` prints it")


class PasswordIn(StrictInput):
    """A credential's password, typed again for a server as it is seen."""

    address = serializers.CharField(max_length=253, help_text="where the node is")
    port = serializers.IntegerField(min_value=1, max_value=65535)
    fingerprint = serializers.CharField(max_length=80, help_text="its approved host key: SHA256:...")
    password = SecretText(max_length=256)


class NodeOut(serializers.ModelSerializer[Node]):
    """A node."""

    cluster_name = serializers.CharField(source="cluster.name", read_only=True)
    credential_name = serializers.CharField(source="credential.name", default=None, read_only=True, allow_null=True)
    approved_host_key = serializers.CharField(source="approved_key", read_only=True)
    password_wanted = serializers.BooleanField(
        read_only=True, help_text="its credential's password must be typed for it before the portal logs in"
    )
    product_version = serializers.SerializerMethodField()
    verdict = serializers.SerializerMethodField()

    class Meta:
        model = Node
        fields = [
            "id",
            "cluster",
            "cluster_name",
            "name",
            "address",
            "port",
            "platform",
            "role",
            "install_root",
            "credential",
            "credential_name",
            "approved_host_key",
            "password_wanted",
            "product_version",
            "joining",
            "joining_by",
            "joining_since",
            "paused",
            "paused_reason",
            "quarantined_reason",
            "health",
            "health_cause",
            "health_since",
            "verdict",
            "created_at",
            "version",
        ]
        read_only_fields = fields

    @extend_schema_field(VerdictOut)
    def get_verdict(self, node: Node) -> object:
        """How it stands."""
        return VerdictOut(status_of(node)).data

    def get_product_version(self, node: Node) -> str:
        """What the node last told; empty while it told nothing."""
        return node.facts.product_version if hasattr(node, "facts") else ""


class HostKeyOut(serializers.ModelSerializer[HostKey]):
    """A host key and what was decided of it."""

    class Meta:
        model = HostKey
        fields = ["fingerprint", "key_type", "public_key", "state", "first_seen_at", "decided_by", "decided_at"]
        read_only_fields = fields


class HostKeysOut(serializers.Serializer[object]):
    """The key a node must show, and every key it showed."""

    approved = HostKeyOut(read_only=True, allow_null=True)
    quarantined_reason = serializers.CharField(read_only=True)
    keys = HostKeyOut(many=True, read_only=True)
