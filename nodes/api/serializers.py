"""What answers look like. Secrets have no field here, so that none can come out."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from nodes.models.cluster import Cluster, Membership, PathOverride
from nodes.models.credential import Credential
from nodes.models.node import (
    HostKey,
    IniDecision,
    Node,
    NodeFacts,
)
from nodes.selectors.scripts import STATE_CHOICES, scripts_of


class ClusterOut(serializers.ModelSerializer[Cluster]):
    """A cluster."""

    node_count = serializers.IntegerField(read_only=True)
    quarantined_count = serializers.IntegerField(read_only=True)

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
            "created_at",
            "version",
        ]
        read_only_fields = fields


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


class CredentialOut(serializers.ModelSerializer[Credential]):
    """A credential without its secrets."""

    class Meta:
        model = Credential
        fields = [
            "id",
            "cluster",
            "name",
            "username",
            "kind",
            "public_key",
            "fingerprint",
            "created_at",
            "changed_at",
            "version",
        ]
        read_only_fields = fields


class LettingInOut(serializers.Serializer[object]):
    """Lines to run on a server so that it lets the key in."""

    windows_administrator = serializers.ListField(child=serializers.CharField(), read_only=True)
    windows_user = serializers.ListField(child=serializers.CharField(), read_only=True)
    posix = serializers.ListField(child=serializers.CharField(), read_only=True)


class KeyPairOut(serializers.Serializer[object]):
    """A key pair's public half, and how to let it in."""

    credential = CredentialOut(read_only=True)
    public_key = serializers.CharField(read_only=True)
    lines = LettingInOut(read_only=True)


class NodeOut(serializers.ModelSerializer[Node]):
    """A node."""

    cluster_name = serializers.CharField(source="cluster.name", read_only=True)
    credential_name = serializers.CharField(source="credential.name", default=None, read_only=True, allow_null=True)
    approved_host_key = serializers.CharField(source="approved_key", read_only=True)
    product_version = serializers.SerializerMethodField()

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
            "created_at",
            "version",
        ]
        read_only_fields = fields

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


class FolderOut(serializers.Serializer[object]):
    """An effective folder of the node, and where that is known from.

    Fields take the place of DRF's own attributes of the same name only in its table of fields, never on the class.
    """

    role = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    path = serializers.CharField(read_only=True)
    default_path = serializers.CharField(read_only=True)
    section = serializers.CharField(read_only=True, allow_blank=True)
    key = serializers.CharField(read_only=True, allow_blank=True)
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]
    inside = serializers.CharField(
        read_only=True, allow_blank=True, help_text="relative to the installation folder; empty outside it"
    )


class ScriptsStateOut(serializers.Serializer[object]):
    """The portal's scripts on a node. `version`: of those the portal would bring now; `brought`: of those there."""

    state = serializers.ChoiceField(choices=STATE_CHOICES, read_only=True)
    version = serializers.CharField(read_only=True)
    brought = serializers.CharField(read_only=True, allow_blank=True)
    folder = serializers.CharField(read_only=True, help_text="below the home folder of the portal's account")


class ReachOut(serializers.Serializer[object]):
    """A shared folder outside the installation folder, of this node or of the primary, as seen from this node."""

    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    path = serializers.CharField(read_only=True)
    found = serializers.BooleanField(read_only=True, allow_null=True, help_text="null where it could not be tried")
    why = serializers.CharField(read_only=True, allow_blank=True, help_text="what stood in the way")


class SystemServiceOut(serializers.Serializer[object]):
    """A service whose program lies in the installation folder."""

    name = serializers.CharField(read_only=True)
    shown_name = serializers.CharField(read_only=True)
    state = serializers.IntegerField(read_only=True, help_text="1 stopped, 4 running, 0 not to be asked for")
    start = serializers.IntegerField(read_only=True, help_text="2 automatic, 3 on demand, 4 disabled")
    account = serializers.CharField(read_only=True, allow_blank=True)
    program = serializers.CharField(read_only=True)


class FactsOut(serializers.ModelSerializer[NodeFacts]):
    """What a node last said of itself; `errors` tells by fact why one is missing."""

    folders = FolderOut(many=True, read_only=True)
    reaches = ReachOut(many=True, read_only=True)
    services = SystemServiceOut(many=True, read_only=True)
    capabilities = serializers.DictField(child=serializers.BooleanField(), read_only=True)
    errors = serializers.DictField(child=serializers.CharField(), read_only=True)  # type: ignore[assignment]
    scripts = serializers.SerializerMethodField(help_text="null where the system needs none")

    @extend_schema_field(ScriptsStateOut(allow_null=True))
    def get_scripts(self, facts: NodeFacts) -> dict[str, object] | None:
        """As last seen."""
        shown = scripts_of(facts.node)
        return dict(ScriptsStateOut(shown).data) if shown else None

    class Meta:
        model = NodeFacts
        fields = [
            "read_at",
            "system",
            "host_name",
            "product_version",
            "version_source",
            "time_zone",
            "clock_offset_ms",
            "clock_uncertainty_ms",
            "disk_free",
            "disk_total",
            "folders",
            "reaches",
            "services",
            "capabilities",
            "scripts",
            "errors",
        ]
        read_only_fields = fields


class RefreshOut(serializers.Serializer[object]):
    """A refresh is under way; `read_at` of the facts passes `requested_at` when it is done."""

    requested_at = serializers.DateTimeField(read_only=True)
    facts = serializers.CharField(read_only=True, help_text="where the facts will be")


class ScriptsOut(serializers.Serializer[object]):
    """What changed in the portal's folder on a node; none where everything was as it should be."""

    files = serializers.ListField(child=serializers.CharField(), read_only=True)


class IniKeyOut(serializers.ModelSerializer[IniDecision]):
    """An ini key and whether it stays the node's own."""

    class Meta:
        model = IniDecision
        fields = ["path", "section", "key", "choice", "answered", "decided_by", "decided_at"]
        read_only_fields = fields
